"""What the files of a split hold, record by record, whatever their form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import DataError
from trainables.tasks.sources.file_forms import json_lines, read_json, read_table
from trainables.tasks.sources.hub.files import HubFile, HubSplit

Record = Mapping[str, Any]


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
    if form in ("tsv", "csv"):
        return read_table(path, quoted=form == "csv")
    if form == "jsonl":
        return [_object(record, f"{name}, line {number}") for number, record in json_lines(path)]
    if form == "json":
        found = read_json(path)
        if isinstance(found, Mapping):  # as SQuAD and many after it: the rows under one key, beside a version
            found = next((value for value in found.values() if isinstance(value, list)), found)
        if not isinstance(found, list):
            raise DataError(f"{name}: holds {shown(found)}; expected a list of objects")
        return [_object(record, f"{name}, entry {number}") for number, record in enumerate(found)]
    raise DataError(f"{name}: parquet and other files in one split; name those of one form in the task's splits")


def _object(record: Any, where: str) -> Record:
    if not isinstance(record, Mapping):
        raise DataError(f"{where}: {shown(record)} is no row; expected an object with its columns")
    return record


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
