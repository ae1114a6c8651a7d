"""Which tasks there are, by name: this project's own (`records`), then those that plug-ins register."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from trainables.tasks.checks import contradictions_of
from trainables.tasks.task import Task, UnknownTask

_TASKS: dict[str, Task] = {}


def add_tasks(tasks: Iterable[Task]) -> None:
    """Make this project's own tasks known. They may name each other, so tests check them, when all are there."""
    _TASKS.update((task.name, task) for task in tasks)


def all_tasks() -> tuple[Task, ...]:
    """Every task: this project's own, then those that plug-ins have registered."""
    return tuple(_TASKS.values())


def register_task(task: Task) -> None:
    """Make a task known by its name, as a plug-in does when it is imported.

    Raises:
        ValueError: there is a task of this name, or the record contradicts itself or the tasks that it names.
    """
    if task.name in _TASKS:
        raise ValueError(f'there is a task "{task.name}" already; give this one another name')
    if problems := contradictions_of(task, _TASKS):
        raise ValueError("\n".join(problems))
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
