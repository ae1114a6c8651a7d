"""The table of all tasks. To add one, add a row and say where its data lie (``folder``, ``hub.py``)."""

from __future__ import annotations

import difflib

from trainables.tasks.records.generated import GENERATED_TASKS
from trainables.tasks.records.targets import TARGETS
from trainables.tasks.records.text import TEXTS
from trainables.tasks.records.training import TRAINING
from trainables.tasks.task import Task, UnknownTask

_TASKS: dict[str, Task] = {task.name: task for task in (*TARGETS, *TRAINING, *TEXTS, *GENERATED_TASKS)}


def all_tasks() -> tuple[Task, ...]:
    """Every task: this project's own, then those that plug-ins have registered."""
    return tuple(_TASKS.values())


def register_task(task: Task) -> None:
    """Make a task known by its name, as a plug-in does when it is imported.

    Raises:
        ValueError: there is a task of this name.
    """
    if task.name in _TASKS:
        raise ValueError(f'there is a task "{task.name}" already; give this one another name')
    _TASKS[task.name] = task


def get_task(name: str) -> Task:
    """The task of this name.

    Raises:
        UnknownTask: there is none; the message suggests the nearest name.
    """
    if name in _TASKS:
        return _TASKS[name]
    near = difflib.get_close_matches(name.lower(), _TASKS, n=1)
    raise UnknownTask(name, near[0] if near else None)
