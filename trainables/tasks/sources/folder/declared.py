"""Rows in files as a task file describes them: paths with the language in them, a form, and which column is what."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainables.task_types import get_task_type
from trainables.tasks.sources import DataError, Row, is_held_out
from trainables.tasks.sources.checked_row import checked_row
from trainables.tasks.sources.columns import Paths, row_of, value_at
from trainables.tasks.sources.folder.located import Located, NoFile, held_out_note
from trainables.tasks.sources.folder.reading import read_questions
from trainables.tasks.sources.image_files import image_paths
from trainables.tasks.sources.records import Record, records_of
from trainables.tasks.task import Split, Task

_WILD = "*?"


@dataclass(frozen=True, kw_only=True)
class FileTable:
    """Rows of some splits and languages.

    Attributes:
        places: paths, or patterns of them, by split and language; relative ones begin in the data folder.
        form: how files are read (`sources.records`).
        header: of a table, whether its first line names the columns.
        columns, labels: as of a `HubTable`.
        language: column with the language, and how it is spelled there; "": a file has one language.
        group, share: hold out this share of the groups (by this column) of the train rows as dev rows.
    """

    places: Mapping[Split, Mapping[str, tuple[str, ...]]]
    form: Mapping[str, str]
    header: bool = True
    columns: Mapping[str, Paths] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    spelling: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    share: float = 0.0

    def located(self, folder: Path, task: Task, split: Split, language: str) -> Located:
        """The files of a split in a language. Raises DataError where one is not there."""
        held_out = split == "dev" and "dev" not in self.places
        places = self.places["train" if held_out else split][language]
        files = tuple(file for place in places for file in self._files(folder, task, split, language, place))
        note = held_out_note(split, "rows") if self.share and split in ("train", "dev") else ""
        images = self._images(files, task) if get_task_type(task.type).image_column is not None else ()
        return Located((*files, *images), lambda: self._rows(files, task, split, language), note, own=True)

    def has(self, split: Split, language: str) -> bool:
        """Whether it has rows of a split in a language."""
        if split == "dev" and self.share:
            return language in self.places["train"]
        return language in self.places.get(split, {})

    def _files(self, folder: Path, task: Task, split: Split, language: str, place: str) -> Iterable[Path]:
        path = folder / place
        wild = any(one in place for one in _WILD)
        found = sorted(folder / one for one in glob.glob(place, root_dir=folder)) if wild else [path]
        found = [file for file in found if file.is_file()]
        if not found:
            what = "no file fits" if wild else "there is no"
            raise NoFile(
                f'{task.name}: no {split} rows in "{language}": {what} {path}; put the file there, or mend the path in '
                "the task file",
                (path,),
            )
        return found

    def _images(self, files: Iterable[Path], task: Task) -> Iterator[Path]:
        """The files of the images that rows name, whose bytes are part of the rows."""
        column = get_task_type(task.type).image_column or ""
        path = self.columns.get(column, column)
        for file in files:
            records = ((where, record) for where, record, _ in self._records(file))
            values = (value_at(record, str(path), column, where) for where, record in records)
            yield from image_paths(values, file.parent)

    def _rows(self, files: Iterable[Path], task: Task, split: Split, language: str) -> Iterator[Row]:
        number = 0
        for file in files:
            for where, record, class_names in self._records(file):
                if self.language and str(record.get(self.language)) != self.spelling[language]:
                    continue
                row = checked_row(self._raw(record, task, class_names, where), task, split, where, file.parent)
                if self.share and is_held_out(self._group(record, where), self.share) != (split == "dev"):
                    continue
                yield {"id": str(number), **row}
                number += 1

    def _records(self, file: Path) -> Iterator[tuple[str, Record, Mapping[str, Any]]]:
        form = self.form.get(file.suffix[1:].lower(), self.form.get("", ""))
        if form == "squad":
            yield from ((f"{file}, question {i}", row, {}) for i, row in enumerate(read_questions(file), start=1))
        else:
            yield from records_of(file, form, self.header)

    def _raw(self, record: Record, task: Task, class_names: Mapping[str, Any], where: str) -> Row:
        """Values as the record has them, by column of the type. Test sets without labels have no column of them."""
        named = {*record, *(name.partition(".")[0] for name in self.columns)}
        absent = {
            name: None
            for name, column in get_task_type(task.type).columns.items()
            if column.label and name not in named
        }
        try:
            row = row_of({**record, **absent}, task, self.columns, self.labels, class_names, where)
            return {name: value for name, value in row.items() if name not in absent}
        except DataError as problem:
            numbered = any(path in self.columns.values() for path in map(str, range(100)))
            hint = "; where the first line names no columns, give header: false" if self.header and numbered else ""
            raise DataError(f"{problem}{hint}") from None

    def _group(self, record: Record, where: str) -> str:
        return str(value_at(record, self.group, "hold_out", where))


@dataclass(frozen=True)
class FileTables:
    """A `Finder` over several tables."""

    tables: tuple[FileTable, ...]

    def __call__(self, folder: Path, task: Task, split: Split, language: str) -> Located:
        for table in self.tables:
            if table.has(split, language):
                return table.located(folder, task, split, language)
        raise DataError(f'{task.name}: its task file names no files of {split} rows in "{language}"; add them there')
