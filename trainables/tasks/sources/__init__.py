"""Where the rows of a task come from.

Three kinds of source give the same rows: a folder in the XTREME download layout (``sources.folder``), the hub
(``sources.hub``), and the generator of the artificial languages (``sources.generated``); ``open_source`` tells which
one a sweep means. This module has what they share. ``datasets`` is imported only where rows are made, so that a sweep
file can be checked fast.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from trainables.failure import NonRetryable
from trainables.tasks.task import COLUMNS_OF_TYPE, POOL_LANGUAGE, Split, Task, TaskType

if TYPE_CHECKING:
    import datasets

Row = dict[str, Any]


class DataError(NonRetryable, ValueError):
    """Data are missing or not in the form they should have; the message names the file and the mend."""


class Source(Protocol):
    """Gives the rows of tasks.

    ``split`` is "train" (in one of the task's train languages), "dev" (in its train language; masked-lm: any;
    bitext-mining: any language it is evaluated in), "test" (any language) or "pool" (``POOL_LANGUAGE``).
    """

    def check(self, task: Task, split: Split, language: str) -> str | None:
        """``None`` if the rows seem to be there, else one line: what is missing, from where, the mend.

        Fast: looks whether files exist and reads no whole one, and never goes to the network.
        """

    def describe(self, task: Task, split: Split, language: str) -> str:
        """One line for a person: which data these are, and what to know before comparing scores."""

    def revision(self, task: Task, split: Split, language: str) -> str:
        """Identity of the bytes behind the rows, the same wherever they lie; DataError as ``rows``."""

    def rows(self, task: Task, split: Split, language: str) -> datasets.Dataset:
        """The rows, in a fixed order, with the columns of the task's task type.

        Raises:
            DataError: they are missing or malformed.
        """


def labels_of(task: Task, source: Source) -> tuple[str, ...]:
    """The labels of a tagging task: the registry's, or, with ``labels_in_data``, those of the train rows, sorted."""
    if not task.labels_in_data:
        return task.labels
    rows = source.rows(task, "train", task.train_language)
    return tuple(sorted({tag for tags in rows["tags"][:] for tag in tags}))


def languages_with(task: Task, split: Split) -> tuple[str, ...]:
    """The languages that rows of this split may exist in; none where the task has no such split.

    Raises nothing: whether a source has them is said by ``Source.check``.
    """
    if split == "pool":
        return (POOL_LANGUAGE,) if task.type == "dense-retrieval" else ()
    if split == "test" or (split == "dev" and task.type == "bitext-mining"):
        return task.languages if task.type != "masked-lm" else ()
    if split == "train" or task.type == "masked-lm":
        return task.train_languages
    return (task.train_language,) if task.has_train else ()


def require_split(task: Task, split: Split, language: str) -> None:
    """Raise DataError, with the languages there are, if the task has no such rows anywhere."""
    there = languages_with(task, split)
    if language in there:
        return
    has = f"there are in: {' '.join(there)}" if there else "it is only evaluated" if split != "test" else "it has none"
    raise DataError(f'{task.name}: there are no {split} rows in "{language}"; {has}')


def is_labelled(task: Task, row: Mapping[str, Any]) -> bool:
    """Whether a row can be scored. The public test sets of several benchmarks come without their labels."""
    if task.type in ("pair-classification", "multiple-choice"):
        return bool(row["label"])
    if task.type == "tagging":
        return len(row["tags"]) == len(row["tokens"])
    if task.type == "span-qa":
        return len(row["answers"]["text"]) > 0
    if task.type == "dense-retrieval":
        return bool(row["candidate"] or row["matches"])
    if task.type == "bitext-mining":
        return row["match"] is not None
    return True


def is_held_out(group: str, share: float) -> bool:
    """Whether a group of rows (a premise, an article) is in a held-out part of about this share of groups.

    Decided by a hash of the group alone, so it is the same on every machine and does not move when rows are
    added.
    """
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") < share * 2**64


def part(rows: Iterable[Row], split: Split, share: float) -> list[Row]:
    """Of rows with a "group", those that are held out (split "dev"), or all others."""
    return [row for row in rows if is_held_out(row["group"], share) == (split == "dev")]


def to_dataset(task_type: TaskType, rows: Iterable[Row]) -> datasets.Dataset:
    """A dataset of exactly the columns of the task type; other keys of the rows are left out."""
    import datasets

    text = datasets.Value("string")
    columns: dict[str, Any] = dict.fromkeys(COLUMNS_OF_TYPE[task_type], text)
    if task_type == "tagging":
        columns |= {"tokens": datasets.List(text), "tags": datasets.List(text)}
    if task_type == "multiple-choice":
        columns["choices"] = datasets.List(text)
    if task_type == "dense-retrieval":
        columns["matches"] = datasets.List(text)
    if task_type in ("span-qa", "span-or-none"):
        columns["answers"] = {
            "text": datasets.List(text),
            "answer_start": datasets.List(datasets.Value("int32")),
        }
    rows = list(rows)
    table = {name: [row[name] for row in rows] for name in columns}
    return datasets.Dataset.from_dict(table, features=datasets.Features(columns))
