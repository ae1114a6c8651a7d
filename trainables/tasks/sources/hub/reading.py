"""What the files of a split hold, record by record, whatever their form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import HubFile, HubSplit
from trainables.tasks.sources.records import ClassNames, Record, records_of


def read_records(
    hub_split: HubSplit, files: Sequence[tuple[HubFile, Path]]
) -> Iterator[tuple[str, Record, ClassNames]]:
    """The records of a split that was pulled, in the order of its files, as `records_of` gives them.

    Places and errors name a file as its repository does: its path in the cache tells nobody which it is.

    Raises:
        DataError: a file is not in the form that its name says.
    """
    for file, path in files:
        name = f"{hub_split}: {file.name}"
        try:
            for where, record, class_names in records_of(path, file.name.rpartition(".")[2]):
                yield where.replace(str(path), name), record, class_names
        except DataError as problem:
            raise DataError(str(problem).replace(str(path), name)) from None
