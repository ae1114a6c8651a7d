"""Rows from the Hugging Face hub, at pinned commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainables.tasks.registry import get_task
from trainables.tasks.sources import DataError, Row, is_held_out, require_split, split_by
from trainables.tasks.sources.columns import row_of, value_at
from trainables.tasks.sources.hub.files import HubSplit, is_commit, is_pattern, pull, pulled
from trainables.tasks.sources.hub.reading import read_records
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.sources.settled import SettledSource
from trainables.tasks.task import Split, Task


class NotOnHub(DataError):
    """A task has no such rows on the hub, as far as its record knows."""


class HubSource(SettledSource):
    """Rows from the hub.

    Args:
        revisions: commit by data set id, as a sweep file pins them or its lock file keeps them.
    """

    def __init__(self, revisions: Mapping[str, str] | None = None) -> None:
        self._revisions = dict(revisions or {})

    def check(self, task: Task, split: Split, language: str) -> str | None:
        try:
            for _, table in self._tables(task, split, language):
                self._commit(table)
        except DataError as problem:
            return str(problem)
        return None

    def stands_in(self, task: Task, language: str) -> bool:
        return False

    def describe(self, task: Task, split: Split, language: str) -> str:
        return " + ".join(
            f"{table.dataset} {_name(table, split, language)}"
            + (f" ({split} by a hold-out over its column {table.group})" if table.holds_out(language) else "")
            + (f" ({table.notes[split, language]})" if (split, language) in table.notes else "")
            for _, table in self._tables(task, split, language)
        )

    def revision(self, task: Task, split: Split, language: str) -> str:
        commits = {table.dataset: self._commit(table) for _, table in self._tables(task, split, language)}
        return "+".join(f"{dataset}@{commit}" for dataset, commit in commits.items())

    def read(self, task: Task, split: Split, language: str) -> list[Row]:
        rows: list[Row] = []
        for part, table in self._tables(task, split, language):
            for one in self._hub_splits(table, split, language):
                own = _rows(part, split, language, table, one)
                rows += ({**row, "id": f"{part.name}:{row['id']}"} for row in own) if task.parts else own
        return rows

    def size(self, task: Task, split: Split, language: str) -> int | None:
        found = [pulled(one) for one in self.splits(task, split, language)]
        return sum(file.size for files in found for file, _ in files or ()) if all(found) else None

    def branches(self, task: Task, split: Split, language: str) -> dict[str, str]:
        """The data sets that the rows are in, and the branch that a commit is to be pinned of."""
        return {table.dataset: table.revision for _, table in self._tables(task, split, language)}

    def splits(self, task: Task, split: Split, language: str) -> tuple[HubSplit, ...]:
        """What has to be pulled for the rows."""
        tables = self._tables(task, split, language)
        return tuple(one for _, table in tables for one in self._hub_splits(table, split, language))

    def _tables(self, task: Task, split: Split, language: str) -> list[tuple[Task, HubTable]]:
        require_split(task, split, language)
        if task.parts:
            parts = [get_task(name) for name in task.parts]
            return [found for part in parts for found in self._tables(part, split, language)]
        if found := [(task, table) for table in task.hub if split in table.splits and language in table.languages]:
            return found
        what = f'has no {split} rows in "{language}" there' if task.hub else "is not there"
        raise NotOnHub(f"{task.name}: not on the hub: this task {what}; give a folder that has it as data")

    def _hub_splits(self, table: HubTable, split: Split, language: str) -> list[HubSplit]:
        commit, (config, theirs) = self._commit(table), table.place(split, language)
        return [HubSplit(dataset=table.dataset, commit=commit, config=config, split=one) for one in theirs]

    def _commit(self, table: HubTable) -> str:
        if table.dataset in self._revisions:
            return self._revisions[table.dataset]
        if is_commit(table.revision):
            return table.revision
        raise DataError(
            f"{table.dataset}: no commit of it is pinned; `xstilts data pull FILE` does that, or write it under "
            "revisions"
        )


def _name(table: HubTable, split: Split, language: str) -> str:
    config, theirs = table.place(split, language)
    return "+".join(theirs) if is_pattern(theirs[0]) else f"{config} {'+'.join(theirs)}"


def _rows(task: Task, split: Split, language: str, table: HubTable, hub_split: HubSplit) -> Iterator[Row]:
    prefix = table.prefix(language)
    records = read_records(hub_split, pulled(hub_split) or pull(hub_split))
    for number, (where, raw, class_names) in enumerate(records):
        if prefix and not str(raw.get("id", "")).startswith(prefix):
            continue
        if table.mapper is not None:
            try:
                made = table.mapper(raw)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
                raise DataError(f"{where}: not in the form of this data set ({problem!r})") from None
            found = made if isinstance(made, list) else [made]
        else:
            found = [_tidy(row_of(raw, task, table.columns, table.labels, {**class_names, **table.class_names}, where))]
        if table.divided_by and split_by(str(value_at(raw, table.divided_by, "a split", where))) != split:
            continue
        if table.holds_out(language) and _held_out(table, raw, where) != (split == "dev"):
            continue
        for row in found:
            if row and not (table.labelled_only and not row["label"]):
                yield {"id": str(number), **row, **({"id": str(row["id"])} if "id" in row else {})}


def _held_out(table: HubTable, record: Mapping[str, Any], where: str) -> bool:
    return is_held_out(str(value_at(record, table.group, "a hold-out", where)), table.share)


def _tidy(row: Row) -> Row:
    # The Tatoeba tables were made from files line by line, newlines included.
    strip = ("query", "candidate")
    return {name: value.strip() if name in strip and isinstance(value, str) else value for name, value in row.items()}
