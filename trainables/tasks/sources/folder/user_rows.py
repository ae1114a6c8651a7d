"""Rows of one's own for any task: a file with the columns of the task's task type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from trainables.outside.text import bounded, shown
from trainables.task_types import get_task_type
from trainables.tasks.registry import get_task
from trainables.tasks.sources import DataError, Row, require_split
from trainables.tasks.sources.checked_row import checked_row
from trainables.tasks.sources.file_forms import json_lines, parquet_records
from trainables.tasks.sources.folder.located import Located
from trainables.tasks.sources.image_files import image_paths
from trainables.tasks.task import Split, Task, UnknownTask

_Form = Callable[[Path], Iterable[tuple[int, Any]]]
_FORMS: Mapping[str, tuple[str, _Form]] = {".jsonl": ("line", json_lines), ".parquet": ("row", parquet_records)}
_OTHERS = (".json", ".ndjson", ".csv", ".tsv", ".txt", ".xlsx", ".jsonl.gz")
"""Forms in which rows are written elsewhere: to pass them over would be to read other rows in silence."""
READ_AS = "own2:"
"""Begins the revision of such rows. Its number is raised when the same bytes come to mean other rows."""


def find(folder: Path, task: Task, split: Split, language: str) -> Located | None:
    """``rows/TASK/SPLIT-LANGUAGE.jsonl`` or ``.parquet`` in the folder, if there is one."""
    lines = path_of(folder, task, split, language)
    there = [file for suffix in (*_FORMS, *_OTHERS) if (file := lines.with_suffix(suffix)).exists()]
    if not there:
        return None
    if len(there) > 1 or there[0].suffix not in _FORMS or not there[0].is_file():
        names = " and ".join(file.name for file in there)
        raise DataError(
            f"{lines.parent}: {names}; leave one file of rows for each split and language, .jsonl or .parquet"
        )
    word, form = _FORMS[there[0].suffix]
    images: tuple[Path, ...] = ()
    if (column := get_task_type(task.type).image_column) is not None:
        records = (record for _, record in form(there[0]))
        images = image_paths((one.get(column) for one in records if isinstance(one, Mapping)), there[0].parent)
    read = partial(_rows, form, there[0], word, task, split)
    return Located((there[0], *images), read, "own rows", own=True)


def path_of(folder: Path, task: Task, split: Split, language: str) -> Path:
    """Where such rows are looked for, as JSON lines."""
    return rows_folder(folder, task.name) / f"{split}-{language}.jsonl"


def rows_folder(folder: Path, task: str) -> Path:
    """Where all such rows of a task are."""
    return folder / "rows" / task


def unread(folder: Path) -> list[str]:
    """A line for each file of rows in the folder that no task reads, because its name has another task, split or
    language than there is."""
    found = []
    for file in sorted((folder / "rows").glob("*/*")):
        split, _, language = file.stem.partition("-")
        if file.suffix not in _FORMS:
            continue
        try:
            task = get_task(file.parent.name)
            if split not in get_args(Split):
                raise DataError(
                    f"{task.name}: there is no split {shown(split)}; there are {', '.join(get_args(Split))}"
                )
            require_split(task, cast(Split, split), language)
        except (UnknownTask, DataError) as problem:
            found.append(bounded(f"{file} is not read: {problem}"))
    return found


def _rows(form: _Form, file: Path, word: str, task: Task, split: Split) -> Iterator[Row]:
    for position, (number, record) in enumerate(form(file)):
        yield {"id": str(position), **checked_row(record, task, split, f"{file}, {word} {number}", file.parent)}
