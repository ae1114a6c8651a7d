"""Where the rows of a task come from.

Three kinds of source give the same rows: a folder in the XTREME download layout (``sources.folder``), the hub
(``sources.hub``), and the generator of the artificial languages (``sources.generated``); ``open_source`` tells which
one a sweep means. This module has what they share. ``datasets`` is imported only where rows are made, so that a sweep
file can be checked fast.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trainables.failure import NonRetryable
from trainables.outside.text import bounded
from trainables.task_types import get_task_type
from trainables.tasks.task import POOL_LANGUAGE, Split, Task

if TYPE_CHECKING:
    import datasets

Row = dict[str, Any]


class DataError(NonRetryable, ValueError):
    """Data are missing or not in the form they should have; the message names the file and the mend, in one line that
    is safe to show."""

    def __init__(self, line: str) -> None:
        super().__init__(bounded(line))


class WrongValue(ValueError):
    """A value that cannot be taken; the message goes on after the name of its column: what it is, and what to do."""


@dataclass(frozen=True)
class Settled:
    """Rows as they are to be used, in a fixed order, and what is to be known of them, in lines (`sources.settled`)."""

    rows: Sequence[Row]
    remarks: tuple[str, ...] = ()


class Source(Protocol):
    """Gives the rows of tasks.

    ``split`` is "train" (in one of the task's train languages), "dev" (in its train language; of text: in any; where an
    evaluation reads dev rows: in any language that it is evaluated in), "test" (any language), "shots" (in those of
    `Task.shots`), "pool" (``POOL_LANGUAGE``) or, where `stands_in` says so, "submission": the test set without labels.
    """

    def check(self, task: Task, split: Split, language: str) -> str | None:
        """``None`` if the rows seem to be there, else one line: what is missing, from where, the mend.

        Fast: looks whether files exist, and never goes to the network. It reads rows of one's own, of large files the
        first ones, and no others.
        """

    def stands_in(self, task: Task, language: str) -> bool:
        """Whether the "test" rows are a dev set, because no labelled test set is there; DataError as ``rows``."""

    def glance(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        """What is to be known of the rows (`Settled.remarks`) as far as it is cheap: of small files, and of rows of
        one's own. DataError as `settled`."""

    def describe(self, task: Task, split: Split, language: str) -> str:
        """One line for a person: which data these are, and what to know before comparing scores."""

    def revision(self, task: Task, split: Split, language: str) -> str:
        """Identity of the bytes behind the rows, the same wherever they lie; DataError as ``settled``."""

    def settled(self, task: Task, split: Split, language: str) -> Settled:
        """The rows, in a fixed order, with the columns of the task's type and maybe others.

        Raises:
            DataError: they are missing or malformed.
        """

    def labels(self, task: Task) -> tuple[str, ...]:
        """The labels that the train rows have, sorted; DataError as ``settled``."""


def labels_of(task: Task, source: Source) -> tuple[str, ...]:
    """The labels of a task: the record's, or, with ``labels_in_data``, those of the train rows, sorted."""
    return source.labels(task) if task.labels_in_data else task.labels


def labels_in(task: Task, rows: Iterable[Row]) -> tuple[str, ...]:
    """The labels that rows of a task have, sorted."""
    task_type = get_task_type(task.type)
    return tuple(sorted({label for row in rows for label in task_type.labels_of(row)}))


def languages_with(task: Task, split: Split) -> tuple[str, ...]:
    """The languages that rows of this split may exist in; none where the task has no such split.

    Raises nothing: whether a source has them is said by ``Source.check``.
    """
    task_type = get_task_type(task.type)
    if split == "pool":
        return (POOL_LANGUAGE,) if "pool" in task_type.context else ()
    if split == "shots":
        return task.shots
    if split in ("test", "submission") or (split == "dev" and "dev" in task_type.context):
        return task.languages if not task_type.reads_text else ()
    # Captions of images in all languages are what their control is picked on (`sweeps.plan.builder`).
    if split == "train" or task_type.reads_text or task_type.image_column is not None:
        return task.train_languages
    return (task.train_language,) if task.has_train else ()


def require_split(task: Task, split: Split, language: str) -> None:
    """Raise DataError, with the languages there are, if the task has no such rows anywhere."""
    there = languages_with(task, split)
    if language in there:
        return
    has = f"there are in: {' '.join(there)}" if there else "it is only evaluated" if split != "test" else "it has none"
    raise DataError(f'{task.name}: there are no {split} rows in "{language}"; {has}')


def is_held_out(group: str, share: float) -> bool:
    """Whether a group of rows (a premise, an article) is in a held-out part of about this share of groups.

    Decided by a hash of the group alone, so it is the same on every machine and does not move when rows are
    added.
    """
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") < share * 2**64


def split_by(group: str) -> Split:
    """The split of a group of rows (an image) in data that have none: of ten, about eight are train rows, one dev, one
    test. Decided as `is_held_out` does."""
    if not is_held_out(group, 0.2):
        return "train"
    return "dev" if is_held_out(f"dev:{group}", 0.5) else "test"


def part(rows: Iterable[Row], split: Split, share: float) -> list[Row]:
    """Of rows with a "group", those that are held out (split "dev"), or all others."""
    return [row for row in rows if is_held_out(row["group"], share) == (split == "dev")]


def to_dataset(type: str, rows: Iterable[Row]) -> datasets.Dataset:
    """A dataset of exactly the columns of a task type; other keys of the rows are left out."""
    import datasets

    features = get_task_type(type).features()
    rows = list(rows)
    return datasets.Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features=features)
