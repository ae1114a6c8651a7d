"""The record of a task, made of what its file says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from trainables.recipe.canonical import canonical_json
from trainables.task_types import TaskType, get_task_type
from trainables.tasks.files.fields import RowsFields, TaskFields
from trainables.tasks.files.places import FORMATS, format_of, languages_of, wanted
from trainables.tasks.sources.columns import Paths
from trainables.tasks.sources.folder.declared import FileTable, FileTables
from trainables.tasks.sources.hub.table import MAIN, HubTable
from trainables.tasks.task import HUB, Licence, Split, Task

VERSION = 1
"""Raised by hand when the same task file gives other rows than before."""


def task_of(fields: TaskFields, folder: Path | None) -> Task:
    """The record.

    Args:
        folder: where relative paths of files begin; None: in the data folder of a sweep.
    """
    task_type = get_task_type(fields.type)
    splits = {split for rows in fields.rows for split in rows.splits()}
    has_train = "train" in splits
    questions = any(column.kind == "answers" for column in task_type.columns.values())
    first, *others = fields.train_languages
    in_files = tuple(_file_table(fields, task_type, rows) for rows in fields.rows if rows.config is None)
    on_hub = tuple(table for rows in fields.rows if rows.hub for table in _hub_tables(fields, task_type, rows))
    metrics = fields.metric or task_type.usual_metrics
    return Task(
        name=fields.name,
        type=fields.type,
        train_language=first,
        languages=tuple(fields.spelling),
        other_train_languages=tuple(others),
        labels=fields.labels,
        trains_on=fields.trains_on or ((fields.name,) if has_train else ()),
        has_train=has_train,
        clean_of=fields.clean_of,
        counts_as=fields.counts_as,
        main_metrics=metrics,
        select_mode="min" if metrics == ("loss",) else "max",
        folder=FileTables(in_files) if in_files else None,
        hub=on_hub,
        place=HUB if on_hub else str(folder or ""),
        reading=_digests(fields),
        settings={"own": fields.settings.defaults(questions)},
        expected_rows={split: _counts(fields, split, counts) for split, counts in fields.counts.items()},
        licence=_licence(fields),
    )


def _file_table(fields: TaskFields, task_type: TaskType, rows: RowsFields) -> FileTable:
    languages = {split: languages_of(fields, rows, split) for split in rows.splits()}
    return FileTable(
        places={
            cast(Split, split): {
                language: tuple(place.format(language=spelled) for place in rows.splits()[split])
                for language, spelled in spelling.items()
            }
            for split, spelling in languages.items()
        },
        form={"": rows.format} if rows.format else FORMATS,
        header=rows.header,
        columns=_columns(rows),
        labels=rows.label_values,
        language=str(rows.columns.get("language", "")),
        spelling={language: spelled for spelling in languages.values() for language, spelled in spelling.items()},
        group=_group(task_type, rows),
        share=float(rows.hold_out or 0.0),
    )


def _hub_tables(fields: TaskFields, task_type: TaskType, rows: RowsFields) -> list[HubTable]:
    """One for each split: they differ in their languages."""
    assert rows.hub is not None
    tables = []
    places = {split: "+".join(places) for split, places in rows.splits().items()}
    if rows.hold_out is not None:
        places["dev"] = places["train"]
    for split, place in places.items():
        spelling = languages_of(fields, rows, split)
        tables.append(
            HubTable(
                dataset=rows.hub,
                config=_coded(rows.config or "default"),
                splits={cast(Split, split): _coded(place)},
                languages=tuple(spelling),
                codes=spelling,
                revision=rows.revision or rows.branch or MAIN,
                columns=_columns(rows),
                labels=rows.label_values,
                group=_group(task_type, rows) if split != "test" else "",
                share=float(rows.hold_out or 0.0),
                held_out=tuple(spelling),
            )
        )
    return tables


def _coded(place: str) -> str:
    return place.replace("{language}", "{code}")


def _columns(rows: RowsFields) -> dict[str, Paths]:
    return {ours: theirs for ours, theirs in rows.columns.items() if ours not in ("language", "group")}


def _group(task_type: TaskType, rows: RowsFields) -> str:
    """The column by which dev rows are held out: the one that is named, or that of the first text."""
    if rows.hold_out is None:
        return ""
    first = task_type.identity[0]
    column = rows.columns.get("group") or rows.columns.get(first, first)
    return column if isinstance(column, str) else column[0]


def _digests(fields: TaskFields) -> dict[str, str]:
    """By split and language (`train-en`): what of the file decides how a row is read, and from where on the hub."""
    digests = {}
    for split in ("train", "dev", "test"):
        for rows in fields.rows:
            source = "train" if split == "dev" and rows.hold_out is not None else split
            if source not in rows.splits():
                continue
            for language, spelled in languages_of(fields, rows, split).items():
                digests[f"{split}-{language}"] = _digest(rows, source, spelled)
    return digests


def _digest(rows: RowsFields, split: str, spelled: str) -> str:
    said: dict[str, Any] = {
        "version": VERSION,
        "columns": dict(rows.columns),
        "label_values": dict(rows.label_values),
        "format": rows.format or format_of(rows.splits()[split][0]),
        "header": rows.header,
        "hold_out": rows.hold_out if split != "test" else None,
        "language": spelled if "language" in rows.columns else None,
    }
    if rows.hub is not None:
        places = [place.format(language=spelled) for place in rows.splits()[split]]
        said["hub"] = [rows.hub, (rows.config or "").format(language=spelled), *places]
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()[:16]


def _counts(fields: TaskFields, split: str, counts: int | Mapping[str, int]) -> Mapping[str, int]:
    if not isinstance(counts, int):
        return counts
    return dict.fromkeys(wanted(fields, split), counts)


def _licence(fields: TaskFields) -> Licence | None:
    if fields.licence is None:
        return None
    hub = ", ".join(dict.fromkeys(f"`{rows.hub}`" for rows in fields.rows if rows.hub))
    return Licence(
        data=fields.licence.data or fields.name,
        source=fields.licence.source or (f"hub {hub}" if hub else "files"),
        terms=fields.licence.terms,
    )
