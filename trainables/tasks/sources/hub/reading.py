"""What the files of a split hold, record by record, whatever their form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import HubFile, HubSplit
from trainables.tasks.sources.records import Record, records_of


@dataclass(frozen=True)
class Records:
    """Records in the order of their files.

    `class_names`: of columns that hold numbers of classes, where the files say what those are called.
    """

    found: Iterable[Record]
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.found)


def read_records(hub_split: HubSplit, files: Sequence[tuple[HubFile, Path]]) -> Records:
    """The records of a split that was pulled. DataError where its files are not in the form that their names say."""
    if all(file.name.endswith(".parquet") for file, _ in files):
        return _parquet(hub_split, [path for _, path in files])
    return Records(list(chain.from_iterable(_named(f"{hub_split}: {file.name}", path) for file, path in files)))


def _named(name: str, path: Path) -> Iterable[Record]:
    """The records of a file. Errors name it as the repository does: its place in the cache tells nobody which it is."""
    try:
        return _read(name, path)
    except DataError as problem:
        raise DataError(str(problem).replace(str(path), name)) from None


def _read(name: str, path: Path) -> Iterable[Record]:
    form = name.rpartition(".")[2]
    if form == "parquet":
        raise DataError(f"{name}: parquet and other files in one split; name those of one form in the task's splits")
    return [record for _, record, _ in records_of(path, form)]


def _parquet(hub_split: HubSplit, paths: Sequence[Path]) -> Records:
    from datasets import Dataset

    try:
        found = Dataset.from_parquet([str(path) for path in paths], keep_in_memory=True)
    except Exception as problem:  # datasets wraps those of its readers in errors of its own
        said = shown(str(problem).partition("\n")[0])
        raise DataError(f"{hub_split}: not parquet files that can be read ({said}); pull them again") from problem
    names = {column: names for column, feature in found.features.items() if (names := _class_names(feature))}
    return Records(found, names)


def _class_names(feature: Any) -> Sequence[str]:
    """The names behind a column of class numbers, or of lists of them; none for other columns."""
    return getattr(getattr(feature, "feature", feature), "names", None) or ()
