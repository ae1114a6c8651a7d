"""What the files of a split hold, record by record, whatever their form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainables.tasks.sources import DataError
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
    from datasets import Dataset

    try:
        found = Dataset.from_parquet([str(path) for _, path in files], keep_in_memory=True)
    except (OSError, ValueError) as problem:
        raise DataError(f"{hub_split}: not parquet files that can be read ({problem})") from problem
    names = {column: names for column, feature in found.features.items() if (names := _class_names(feature))}
    return Records(found, names)


def _class_names(feature: Any) -> Sequence[str]:
    """The names behind a column of class numbers, or of lists of them; none for other columns."""
    return getattr(getattr(feature, "feature", feature), "names", None) or ()
