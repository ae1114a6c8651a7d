"""The records of all tasks, a module for each group.

To add a task of this project, write its record into the module of its group; what a record says is described in
:mod:`trainables.tasks.task`. If its rows lie in files of a form that no other task has, write a function beside those
in :mod:`trainables.tasks.sources.folder` and name it as `folder`. Then name the task in `LICENCES.md`. The tests say in
one line for each record what it lacks.

Counts of rows are what a benchmark says, not what a folder has: google-research/xtreme and the data sets' own papers
and READMEs; UD-POS from XTREME's own files (dev) and, where they agree on dev, from the hub's ``google/xtreme`` (train,
test). Splits that this project holds out itself are not expected. Lengths are measured on up to 400 rows per language
as the task types encode them with XLM-R's tokenizer, in English for train, and the mean over all languages at hand for
test; of what could not be measured, they are those of the most similar task, which is named.
"""

from __future__ import annotations

import difflib

from trainables.tasks.records.checks import contradictions_of
from trainables.tasks.records.choice import CHOICE
from trainables.tasks.records.generated import GENERATED
from trainables.tasks.records.nli import NLI
from trainables.tasks.records.paraphrase import PARAPHRASE
from trainables.tasks.records.qa import QA
from trainables.tasks.records.retrieval import RETRIEVAL
from trainables.tasks.records.tagging import TAGGING
from trainables.tasks.records.text import TEXT
from trainables.tasks.task import Task, UnknownTask

_TASKS: dict[str, Task] = {
    task.name: task for group in (NLI, PARAPHRASE, TAGGING, QA, RETRIEVAL, CHOICE, TEXT, GENERATED) for task in group
}


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
