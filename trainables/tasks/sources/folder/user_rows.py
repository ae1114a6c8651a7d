"""Rows of one's own for any task: a file with the columns of the task's task type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.task_types import get_task_type
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.folder.located import Located
from trainables.tasks.sources.folder.reading import read_json_lines
from trainables.tasks.task import Split, Task


def find(folder: Path, task: Task, split: Split, language: str) -> Located | None:
    """``rows/TASK/SPLIT-LANGUAGE.jsonl`` or ``.parquet`` in the folder, if there is one."""
    lines = path_of(folder, task, split, language)
    if lines.is_file():
        return Located((lines,), lambda: read_json_lines(lines, lambda record: _row(record, task, lines)), "own rows")
    table = lines.with_suffix(".parquet")
    return Located((table,), lambda: _read_parquet(table, task), "own rows") if table.is_file() else None


def path_of(folder: Path, task: Task, split: Split, language: str) -> Path:
    """Where such rows are looked for, as JSON lines."""
    return folder / "rows" / task.name / f"{split}-{language}.jsonl"


def _read_parquet(file: Path, task: Task) -> list[Row]:
    import pyarrow.parquet

    return [_row(record, task, file) for record in pyarrow.parquet.read_table(file).to_pylist()]


def _row(record: Mapping[str, Any], task: Task, file: Path) -> Row:
    columns = tuple(get_task_type(task.type).columns)
    if missing := [column for column in columns if column not in record]:
        raise DataError(f"{file}: no {', '.join(missing)}; rows of {task.type} have: {', '.join(columns)}")
    label = record.get("label", "")
    if task.labels and label and label not in task.labels:
        raise DataError(f'{file}: the label is "{label}"; expected one of: {", ".join(task.labels)}')
    return {column: record[column] for column in columns}
