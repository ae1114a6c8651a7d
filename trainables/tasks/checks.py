"""What is wrong with a record: what contradicts itself, and what a record of this project must not leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trainables.task_types import UnknownTaskType, get_task_type
from trainables.tasks.hyperparameters import FALLBACKS, SETS
from trainables.tasks.task import Task


def contradictions_of(task: Task, known: Mapping[str, Task]) -> list[str]:
    """Why a task cannot be registered beside those that are known; a line each."""
    return [f"task {task.name}: {problem}" for problem in _contradictions(task, {**known, task.name: task})]


def missing_in(task: Task) -> list[str]:
    """What the record leaves out that a record of this project has; a line each."""
    return [f"task {task.name}: {problem}" for problem in _missing(task)]


def _contradictions(task: Task, known: Mapping[str, Task]) -> Iterator[str]:
    try:
        task_type = get_task_type(task.type)
    except UnknownTaskType as problem:
        yield str(problem)
        return
    if not task.main_metrics:
        yield "no main_metrics: its score is their mean"
    if task_type.fixed_labels and bool(task.labels) == task.labels_in_data:
        yield f"{task_type.name} needs either labels or labels_in_data"
    if repeated := {language for language in task.languages if task.languages.count(language) > 1}:
        yield f"languages: {', '.join(sorted(repeated))} more than once"
    if task.train_language in task.other_train_languages:
        yield f"other_train_languages: {task.train_language} is its train_language"
    if task.languages and (unknown := set(task.other_train_languages) - set(task.languages)):
        yield f"other_train_languages: {', '.join(sorted(unknown))} not in languages"
    if not (task.languages or task.has_train):
        yield "neither languages to evaluate in nor has_train"
    if unknown := task.counts_as.keys() - set(task.labels):
        yield f"counts_as: {', '.join(sorted(unknown))} not in labels"
    for name in (*task.trains_on, *task.parts):
        yield from _disagreements(task, name, known)
    if task.clean_of is not None:
        yield from _perturbed(task, known.get(task.clean_of))
    sets = dict.fromkeys((*SETS, *FALLBACKS))
    if unknown := task.settings.keys() - sets:
        yield f"settings: there is no set {', '.join(sorted(unknown))}; there are {', '.join(sets)}"


def _disagreements(task: Task, name: str, known: Mapping[str, Task]) -> Iterator[str]:
    if (data := known.get(name)) is None:
        yield f'trains_on or parts: there is no task "{name}"; register it first'
        return
    if not data.has_train:
        yield f'trains_on or parts: "{name}" has no train rows'
    for field in ("type", "labels", "train_language"):
        theirs, ours = getattr(data, field), getattr(task, field)
        if theirs != ours:
            yield f'trains_on or parts: "{name}" has {field} {theirs}, and this task {ours}'


def _perturbed(task: Task, clean: Task | None) -> Iterator[str]:
    if clean is None or clean is task:
        yield f'clean_of: there is no other task "{task.clean_of}"; name the task whose rows were perturbed'
        return
    if clean.clean_of is not None:
        yield f'clean_of: "{clean.name}" is itself an adversarial set of "{clean.clean_of}"; name that one'
    if not clean.languages:
        yield f'clean_of: "{clean.name}" has no test rows'
    if task.has_train:
        yield "has_train: what has clean_of is never trained on; leave its train rows out"
    for field in ("type", "labels", "train_language", "main_metrics"):
        theirs, ours = getattr(clean, field), getattr(task, field)
        if theirs != ours:
            yield f'clean_of: "{clean.name}" has {field} {theirs}, and this task {ours}'


def _missing(task: Task) -> Iterator[str]:
    task_type = get_task_type(task.type)
    if not task_type.compares_vectors and not task.settings:
        yield "no settings"
    if any(not defaults.source for defaults in task.settings.values()):
        yield "settings without a source"
    in_file = bool(task.reading)  # a task file has neither lengths nor a function that finds rows
    if not task.lengths and not task_type.reads_text and not in_file:
        yield "no lengths"
    if task.source == "generated":
        return
    if task.folder is None and not task.parts and not in_file:
        yield "no folder: where its rows lie in a data folder"
    if task.licence is None or not all((task.licence.data, task.licence.source, task.licence.terms)):
        yield "no licence: data, source and terms"
        return
    for table in task.hub:
        if f"`{table.dataset}`" not in task.licence.source:
            yield f"licence.source does not name `{table.dataset}` of the hub"
