"""Rows from the Hugging Face hub, at pinned commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainables.task_types import get_task_type
from trainables.tasks.registry import get_task
from trainables.tasks.sources import DataError, Row, is_held_out, labels_in, require_split, to_dataset
from trainables.tasks.sources.hub.files import HubSplit, pull, pulled
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Split, Task

if TYPE_CHECKING:
    import datasets


class HubSource:
    """Rows from the hub.

    Args:
        revisions: commit by data set id, as a sweep file pins them or its lock file keeps them.
    """

    def __init__(self, revisions: Mapping[str, str] | None = None) -> None:
        self._revisions = dict(revisions or {})

    def check(self, task: Task, split: Split, language: str) -> str | None:
        try:
            for _, table in self._tables(task, split, language):
                self._commit(table.dataset)
        except DataError as problem:
            return str(problem)
        return None

    def stands_in(self, task: Task, language: str) -> bool:
        return False

    def describe(self, task: Task, split: Split, language: str) -> str:
        return " + ".join(
            f"{table.dataset} {table.filled(language)[0]} {table.splits[split]}"
            + (f" ({split} by a hold-out over its column {table.group})" if table.holds_out(language) else "")
            + (f" ({table.notes[language]})" if language in table.notes else "")
            for _, table in self._tables(task, split, language)
        )

    def revision(self, task: Task, split: Split, language: str) -> str:
        datasets = dict.fromkeys(table.dataset for _, table in self._tables(task, split, language))
        return "+".join(f"{dataset}@{self._commit(dataset)}" for dataset in datasets)

    def rows(self, task: Task, split: Split, language: str) -> datasets.Dataset:
        rows: list[Row] = []
        for part, table in self._tables(task, split, language):
            for one in self._hub_splits(table, split, language):
                own = _rows(part, split, language, table, _read(one))
                rows += ({**row, "id": f"{part.name}:{row['id']}"} for row in own) if task.parts else own
        if not rows:
            raise DataError(f"{task.name}: no rows for {split} in {self.describe(task, split, language)}")
        if len({row["id"] for row in rows}) < len(rows):
            rows = [{**row, "id": str(position)} for position, row in enumerate(rows)]
        return to_dataset(task.type, rows)

    def labels(self, task: Task) -> tuple[str, ...]:
        return labels_in(task, self.rows(task, "train", task.train_language))

    def branches(self, task: Task, split: Split, language: str) -> dict[str, str]:
        """The data sets that the rows are in, and the branch that a commit is to be pinned of."""
        return {table.dataset: table.branch for _, table in self._tables(task, split, language)}

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
        raise DataError(f"{task.name}: not on the hub: this task {what}; give a folder that has it as data")

    def _hub_splits(self, table: HubTable, split: Split, language: str) -> list[HubSplit]:
        commit, (config, _) = self._commit(table.dataset), table.filled(language)
        theirs = table.splits[split].split("+")
        return [HubSplit(dataset=table.dataset, commit=commit, config=config, split=one) for one in theirs]

    def _commit(self, dataset: str) -> str:
        if dataset not in self._revisions:
            raise DataError(
                f"{dataset}: no commit of it is pinned; `xstilts data pull FILE` does that, or write it under revisions"
            )
        return self._revisions[dataset]


def _read(hub_split: HubSplit) -> datasets.Dataset:
    from datasets import Dataset

    files = pulled(hub_split) or pull(hub_split)
    try:
        return Dataset.from_parquet([str(path) for _, path in files], keep_in_memory=True)
    except (OSError, ValueError) as problem:
        raise DataError(f"{hub_split}: not parquet files that can be read ({problem})") from problem


def _rows(task: Task, split: Split, language: str, table: HubTable, found: datasets.Dataset) -> Iterator[Row]:
    _, prefix = table.filled(language)
    for number, row in _mapped(task, table, found, prefix):
        raw_group = row.pop("group", "")
        if table.holds_out(language) and is_held_out(raw_group, table.share) != (split == "dev"):
            continue
        if table.labelled_only and not row["label"]:
            continue
        yield {"id": str(number), **row}


def _mapped(task: Task, table: HubTable, found: datasets.Dataset, prefix: str) -> Iterator[tuple[int, Row]]:
    """Rows in the form of the task type, with the "group" that a hold-out keeps together."""
    columns = {ours: table.columns.get(ours, ours) for ours in get_task_type(task.type).columns}
    missing = [theirs for ours, theirs in columns.items() if theirs not in found.column_names and ours != "id"]
    if missing and table.mapper is None:
        raise DataError(f"{table.dataset}: no column {', '.join(missing)}; it has: {', '.join(found.column_names)}")
    if columns["id"] not in found.column_names:
        del columns["id"]
    classes = {theirs: _class_names(found.features[theirs]) for theirs in columns.values() if theirs in found.features}
    for number, raw in enumerate(found):
        if prefix and not raw["id"].startswith(prefix):
            continue
        if table.mapper is not None:
            try:
                row = table.mapper(raw)
            except (KeyError, TypeError, ValueError) as problem:
                raise DataError(
                    f"{table.dataset}, row {number}: not in the form of this data set ({problem!r})"
                ) from None
            if row:
                yield number, row
            continue
        named = ((ours, _named(raw[theirs], classes[theirs], task)) for ours, theirs in columns.items())
        row = {ours: str(value) if ours == "id" else value for ours, value in named}
        yield number, {**_tidy(row), "group": raw[table.group] if table.group else ""}


def _tidy(row: Row) -> Row:
    # The Tatoeba tables were made from files line by line, newlines included.
    return {name: value.strip() if name in ("query", "candidate") else value for name, value in row.items()}


def _class_names(feature: Any) -> list[str] | None:
    """The names behind a column of class numbers, or of lists of them; ``None`` for other columns."""
    return getattr(getattr(feature, "feature", feature), "names", None)


def _named(value: Any, classes: list[str] | None, task: Task) -> Any:
    """Names of class numbers; -1, the hub's mark for "no label", becomes the empty label.

    A task whose labels are numbers keeps them, whatever a data set calls them.
    """
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return [_named(one, classes, task) for one in value] if classes else value
    if not isinstance(value, int) or classes is None:
        return value
    return "" if value < 0 else str(value) if str(value) in task.labels else classes[value]
