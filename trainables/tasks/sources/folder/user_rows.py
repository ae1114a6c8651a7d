"""Rows of one's own for any task: a file with the columns of the task's task type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from trainables.tasks.sources import Row
from trainables.tasks.sources.checked_row import checked_row
from trainables.tasks.sources.file_forms import json_lines, parquet_records
from trainables.tasks.sources.folder.located import Located
from trainables.tasks.task import Split, Task

_Form = Callable[[Path], Iterable[tuple[int, Any]]]
READ_AS = "own2:"
"""Begins the revision of such rows. Its number is raised when the same bytes come to mean other rows."""


def find(folder: Path, task: Task, split: Split, language: str) -> Located | None:
    """``rows/TASK/SPLIT-LANGUAGE.jsonl`` or ``.parquet`` in the folder, if there is one."""
    lines = path_of(folder, task, split, language)
    for file, word, form in ((lines, "line", json_lines), (lines.with_suffix(".parquet"), "row", parquet_records)):
        if file.is_file():
            return Located((file,), partial(_rows, form, file, word, task, split), "own rows", own=True)
    return None


def path_of(folder: Path, task: Task, split: Split, language: str) -> Path:
    """Where such rows are looked for, as JSON lines."""
    return rows_folder(folder, task.name) / f"{split}-{language}.jsonl"


def rows_folder(folder: Path, task: str) -> Path:
    """Where all such rows of a task are."""
    return folder / "rows" / task


def _rows(form: _Form, file: Path, word: str, task: Task, split: Split) -> Iterator[Row]:
    for position, (number, record) in enumerate(form(file)):
        yield {"id": str(position), **checked_row(record, task, split, f"{file}, {word} {number}")}
