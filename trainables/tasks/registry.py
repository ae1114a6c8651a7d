"""Which tasks there are, by name: this project's own (`records`, `shipped`), those that plug-ins register, and those of
the task files of the sweep that is being worked on.

Plug-ins are modules of the process, and stay. Task files are a sweep's: `use_tasks` puts those of one sweep in place of
those of the sweep before, so that none is found by a sweep that does not name it. So are the ways in which multiple
choice is read by likelihood, and those in which test rows are perturbed (`use_ways`).

A task may be read in another way, `TASK@WAY`: it has the rows and settings of TASK. What is read in another way may be
perturbed, too: `TASK@WAY@PERTURBATION`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from trainables.recipe.likelihood import Likelihood, Prompt
from trainables.recipe.perturbation import Perturbation
from trainables.recipe.tasks import FIRST_VISIBLE
from trainables.task_types import get_task_type
from trainables.tasks.checks import contradictions_of
from trainables.tasks.task import ShotsIn, Task, UnknownTask

_TASKS: dict[str, Task | Callable[[], Task]] = {}
"""The tasks that stay; of those in files of this project, what reads the file when it is first asked for."""
_OF_SWEEP: dict[str, Task] = {}
LIKELIHOOD = "likelihood"
"""The way that there always is: a task's own prompt, no shots, the sum of the log-likelihoods."""


@dataclass(frozen=True)
class Way:
    """A way to read multiple choice by likelihood: fields of `Likelihood` that are not those of the task's prompt."""

    fields: tuple[tuple[str, Any], ...] = ()
    shots_in: ShotsIn = "english"


_WAYS: dict[str, Way | Perturbation] = {LIKELIHOOD: Way()}


def add_tasks(tasks: Iterable[Task]) -> None:
    """Make this project's own tasks known. They may name each other, so tests check them, when all are there."""
    _TASKS.update((task.name, task) for task in tasks)


def add_unread(tasks: Mapping[str, Callable[[], Task]]) -> None:
    """Make this project's own tasks known that are read from files, by name, when they are first asked for."""
    _TASKS.update(tasks)


def all_tasks() -> tuple[Task, ...]:
    """Every task: this project's own, then those that plug-ins have registered, then those of the sweep's files."""
    return tuple(_known(name) for name in (*_TASKS, *_OF_SWEEP))


def register_task(task: Task) -> None:
    """Make a task known by its name, as a plug-in does when it is imported.

    Raises:
        ValueError: there is a task of this name, or the record contradicts itself or the tasks that it names.
    """
    if problems := _problems(task, {}):
        raise ValueError("\n".join(problems))
    _TASKS[task.name] = task


def use_ways(ways: Mapping[str, Way | Perturbation]) -> None:
    """Make the ways of a sweep known, in place of those of the sweep before."""
    _WAYS.clear()
    _WAYS.update({LIKELIHOOD: Way(), **ways})


def way_of(name: str) -> str:
    """The way that a name ends with, as of `udpos@first-visible`; none: ""."""
    base, _, way = name.rpartition("@")
    return way if base and (way == FIRST_VISIBLE or way in _WAYS) else ""


def base_of(name: str) -> str:
    """The name without its way: `udpos` of `udpos@first-visible`."""
    return name.removesuffix(f"@{way}") if (way := way_of(name)) else name


def use_tasks(tasks: Iterable[tuple[str, Task]]) -> list[str]:
    """Make the tasks of a sweep's files known, in place of those of the sweep before.

    Args:
        tasks: each with what an error calls it, such as the path of its file.

    Returns:
        What is wrong, a line each; then no task of a file is known.
    """
    _OF_SWEEP.clear()
    found: dict[str, tuple[str, Task]] = {}
    problems = []
    for where, task in tasks:
        if task.name in found:
            problems.append(f'{where}: name: {found[task.name][0]} describes a task "{task.name}" too; rename one')
        found.setdefault(task.name, (where, task))
    others = {name: task for name, (_, task) in found.items()}
    for where, task in found.values():
        unknown = [name for name in task.trains_on if name not in _TASKS and name not in others]
        lines = [f"trains_on: {_unknown(name, others)}" for name in unknown] or _problems(task, others)
        problems += [f"{where}: {line.removeprefix(f'task {task.name}: ')}" for line in lines]
    if not problems:
        _OF_SWEEP.update(others)
    return problems


def get_task(name: str) -> Task:
    """The task of this name; of a task that labels words also `TASK@first-visible`, of multiple choice also
    `TASK@likelihood` and the other ways of the sweep, of what has test rows their perturbations.

    Raises:
        UnknownTask: there is none; the message suggests the nearest name.
    """
    if name in _TASKS or name in _OF_SWEEP:
        return _known(name)
    base, way = base_of(name), way_of(name)
    how = _WAYS.get(way)
    if isinstance(how, Perturbation):
        return _perturbed(name, get_task(base), how)
    if not way or not (base in _TASKS or base in _OF_SWEEP):
        raise _unknown(name, _OF_SWEEP)
    task = _known(base)
    task_type = get_task_type(task.type)
    if way == FIRST_VISIBLE:
        if not task_type.labels_words:
            raise UnknownTask(name, base, f": {base} has no tags of words")
        return _first_visible(task)
    if not task_type.by_likelihood:
        raise UnknownTask(name, base, f": {base} has no choices, whose likelihood could be had")
    assert how is not None
    return _by_likelihood(task, way, how)


def _perturbed(name: str, clean: Task, how: Perturbation) -> Task:
    why = get_task_type(clean.type).wrong_kind(how.kind, clean.labels)
    if clean.perturbation is not None:
        why = "is perturbed already"
    elif clean.clean_of is not None:
        why = f"is an adversarial set of {clean.clean_of} already"
    elif not clean.languages:
        why = "has no test rows"
    if why:
        raise UnknownTask(name, clean.name, f": {clean.name} {why}")
    return _with_perturbation(clean, name, how)


@cache
def _with_perturbation(clean: Task, name: str, how: Perturbation) -> Task:
    """The task with its test rows perturbed; it is trained on what the clean one is trained on."""
    return replace(clean, name=name, has_train=False, reading_of=clean.base, clean_of=clean.name, perturbation=how)


def _unknown(name: str, of_files: Iterable[str]) -> UnknownTask:
    names = [*_TASKS, *of_files]
    if "@" in name:
        names += [f"{one}@{way}" for one in names for way in (FIRST_VISIBLE, *_WAYS)]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return UnknownTask(name, near[0] if near else None)


@cache
def _first_visible(task: Task) -> Task:
    """The task with its labels on the first visible subwords, there and in what it is trained on."""
    trains_on = tuple(f"{name}@{FIRST_VISIBLE}" for name in task.trains_on)
    return replace(
        task,
        name=f"{task.name}@{FIRST_VISIBLE}",
        trains_on=trains_on,
        reading_of=task,
        label_position=FIRST_VISIBLE,
        clean_of=_in_way(task.clean_of, FIRST_VISIBLE),
    )


@cache
def _by_likelihood(task: Task, name: str, way: Way) -> Task:
    """The task with its answers scored by their likelihood. It is not trained unless a target says on what."""
    prompt = task.prompt or Prompt()
    return replace(
        task,
        name=f"{task.name}@{name}",
        type=get_task_type(task.type).by_likelihood,
        trains_on=(),
        likelihood=Likelihood(**{**prompt.model_dump(), **dict(way.fields)}),
        shots_in=way.shots_in,
        reading_of=task,
        clean_of=_in_way(task.clean_of, name),
    )


def _in_way(name: str | None, way: str) -> str | None:
    return f"{name}@{way}" if name else None


def _known(name: str) -> Task:
    task = _TASKS.get(name) or _OF_SWEEP[name]
    if not isinstance(task, Task):
        task = _TASKS[name] = task()
    return task


def _problems(task: Task, others: Mapping[str, Task]) -> list[str]:
    """Why a task cannot stand beside those that are known."""
    if task.name in _TASKS:
        return [f'name: there is a task "{task.name}" already; give this one another name']
    about = filter(None, (*task.trains_on, *task.parts, task.clean_of))
    named = {name: _known(name) for name in about if name in _TASKS or name in _OF_SWEEP}
    return contradictions_of(task, {**named, **others})
