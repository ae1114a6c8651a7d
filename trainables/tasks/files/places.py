"""Where the rows of a task file lie: the languages of a table, how they are spelled there, the forms of files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from trainables.task_types import get_task_type
from trainables.tasks.files.fields import RowsFields, TaskFields

FORMATS = {
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "csv": "csv", "tsv": "tsv", "conll": "conll", "bio": "conll",
    "parquet": "parquet",
}  # fmt: skip
"""Form by the end of a file's name."""


def format_of(place: str) -> str | None:
    """The form of a file by the end of its name; None where that does not tell."""
    return FORMATS.get(PurePosixPath(place).suffix[1:].lower())


def languages_of(task: TaskFields, rows: RowsFields, split: str) -> Mapping[str, str]:
    """The languages that a table has rows of a split in, each with the data set's own spelling."""
    spelling = rows.languages or {**{one: one for one in task.train_languages}, **task.spelling}
    return {language: spelling[language] for language in wanted(task, split) if language in spelling}


def wanted(task: TaskFields, split: str) -> tuple[str, ...]:
    """The languages that a task has rows of a split in, if it has any. Text is read in all its languages."""
    if split == "test" or get_task_type(task.type).reads_text:
        return tuple(task.spelling)
    return task.train_languages if split == "train" else task.train_languages[:1]
