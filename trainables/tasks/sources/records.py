"""What files of data sets hold, record by record, whatever their form: each record with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import DataError
from trainables.tasks.sources.file_forms import (
    json_lines,
    parquet_records,
    read_json,
    read_lines,
    read_table,
    unquoted,
)

Record = Mapping[str, Any]
ClassNames = Mapping[str, Sequence[str]]
_DOCUMENT = "-DOCSTART-"


def records_of(file: Path, form: str, header: bool = True) -> Iterator[tuple[str, Record, ClassNames]]:
    """The records of a file, each with its place in it (for errors), and the names of the classes of its columns.

    Args:
        form: "jsonl", "json" (a list of objects), "csv", "tsv", "conll" or "parquet".
        header: of a table, whether its first line names the columns; else they are "0", "1", ...

    Raises:
        DataError: it is not in that form.
    """
    names: ClassNames = _class_names(file) if form == "parquet" else {}
    for where, record in _READERS[form](file, header):
        if not isinstance(record, Mapping):
            raise DataError(f"{where}: {shown(record)} is no row; expected an object with its columns")
        yield where, record, names


def _json_lines(file: Path, header: bool) -> Iterator[tuple[str, Any]]:
    return ((f"{file}, line {number}", record) for number, record in json_lines(file))


def _json(file: Path, header: bool) -> Iterator[tuple[str, Any]]:
    found = read_json(file)
    if isinstance(found, Mapping):  # as SQuAD and many after it: the rows under one key, beside a version
        found = next((value for value in found.values() if isinstance(value, list)), found)
    if not isinstance(found, list):
        raise DataError(f"{file}: holds {shown(found, 60)}; expected a list of objects, or an object with such a list")
    return ((f"{file}, entry {number}", record) for number, record in enumerate(found, start=1))


def _table(file: Path, header: bool, quoted: bool) -> Iterator[tuple[str, Any]]:
    for number, record in enumerate(read_table(file, quoted=quoted, header=header), start=1 + header):
        plain = record if quoted else {name: unquoted(value) for name, value in record.items()}
        yield f"{file}, record {number}", plain


def _conll(file: Path, header: bool) -> Iterator[tuple[str, Any]]:
    """Sentences: one word a line, columns divided by tabs or blanks, an empty line between.

    Columns are called 0, 1, 2, ...; the first is also `tokens`, and the last of several `tags`. Lines that begin with
    "# " are comments.
    """
    lines = read_lines(file)
    tabs = any("\t" in line for line in lines)
    width, first = 0, 0
    sentence: list[list[str]] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip() and not re.match(r"#\s", line) and not line.startswith(_DOCUMENT):
            fields = line.split("\t") if tabs else line.split()
            width, first = width or len(fields), first if sentence else number
            if len(fields) != width:
                raise DataError(
                    f"{file}, line {number}: {shown(line)} has {len(fields)} columns, and the first line of words has "
                    f"{width}; mend the line"
                )
            sentence.append(fields)
        elif not line.strip() and sentence:
            columns = {str(i): list(column) for i, column in enumerate(zip(*sentence, strict=True))}
            tags = {"tags": columns[str(width - 1)]} if width > 1 else {}
            yield f"{file}, line {first}", {"tokens": columns["0"], **tags, **columns}
            sentence = []


def _parquet(file: Path, header: bool) -> Iterator[tuple[str, Any]]:
    return ((f"{file}, row {number}", record) for number, record in parquet_records(file))


def _class_names(file: Path) -> ClassNames:
    """What a file that `datasets` wrote says of the numbers of its classes."""
    import pyarrow.parquet
    from datasets import Features

    try:
        features = Features.from_arrow_schema(pyarrow.parquet.read_schema(file))
    except (OSError, ValueError):
        return {}
    found = {column: getattr(getattr(one, "feature", one), "names", None) for column, one in features.items()}
    return {column: names for column, names in found.items() if names}


_READERS = {
    "jsonl": _json_lines,
    "json": _json,
    "csv": lambda file, header: _table(file, header, quoted=True),
    "tsv": lambda file, header: _table(file, header, quoted=False),
    "conll": _conll,
    "parquet": _parquet,
}
