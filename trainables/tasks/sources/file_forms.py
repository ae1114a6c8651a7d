"""The forms that data files come in: text, JSON, JSON lines, tables (TSV, CSV), tagged columns (CoNLL), parquet.

Text is UTF-8, with or without a byte order mark. Only newlines end a line: Unicode's other separators may be in a
sentence. Whatever cannot be read is a `DataError` of one line: the file, the place in it, what was found, the mend.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from trainables.outside import files
from trainables.outside.text import Unreadable, shown
from trainables.tasks.sources import DataError

_CSV_FIELD = re.compile(r'"(?:[^"]|"")*"')
Sentence = tuple[list[str], list[str]]
"""Tokens, and as many tags, or none."""


# --- text --------------------------------------------------------------------------------------------------------


def decoded(raw: bytes, where: object) -> str:
    """Text of the bytes of a file; `where` is what an error names."""
    try:
        return files.decoded(raw, str(where))
    except Unreadable as problem:
        raise DataError(str(problem)) from None


def read_text(path: Path) -> str:
    """What a text file holds."""
    try:
        return files.read_text(path)
    except Unreadable as problem:
        raise DataError(str(problem)) from None


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends."""
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def each_line(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1; one at a time: some have a million."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.decode() if number > 1 else decoded(raw, path)
                if line.strip():
                    yield number, line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{path}: line {number}: is not UTF-8 (byte 0x{problem.object[problem.start]:02x}); save it as UTF-8"
        ) from None
    except OSError as problem:
        raise unreadable(path, problem) from None


def unreadable(path: Path, problem: Exception) -> DataError:
    """A file that the system does not give."""
    why = problem.strerror if isinstance(problem, OSError) else None
    return DataError(f"{path}: cannot be read ({why or shown(str(problem))}); look at the file and its permissions")


# --- JSON --------------------------------------------------------------------------------------------------------


def parsed_json(text: str, where: object) -> Any:
    """The value that JSON text is; a key that stands twice in an object is refused."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _Twice as problem:
        raise DataError(f"{where}: the key {shown(problem.args[0])} stands twice in an object; leave one out") from None
    except json.JSONDecodeError as problem:
        place = f"character {problem.pos + 1}" if problem.lineno == 1 else f"line {problem.lineno}"
        raise DataError(f"{where}: not JSON ({problem.msg} at {place}); mend it or fetch it again") from None
    except (ValueError, RecursionError):  # a number of too many digits; brackets too deep
        raise DataError(
            f"{where}: not JSON that can be read (too long a number, or nested too deep); mend it"
        ) from None


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return parsed_json(read_text(path), path)


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON value a line, with the numbers of their lines."""
    for number, line in each_line(path):
        yield number, parsed_json(line, f"{path}, line {number}")


class _Twice(Exception):
    """A key of an object that stands twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


# --- tables ------------------------------------------------------------------------------------------------------


def read_table(
    path: Path, columns: Sequence[str] = (), *, quoted: bool = False, header: bool = True
) -> list[dict[str, str]]:
    """Records of a table: TSV, or with `quoted` CSV.

    Args:
        columns: those that its first line must name, where it has a `header`; else they are called "0", "1", ...
    """
    lines = read_lines(path)
    text = io.StringIO("\n".join(lines), newline="")
    reader: Iterator[list[str]] = csv.reader(text) if quoted else (line.split("\t") for line in lines)
    records = []
    try:
        if not header:
            return [{str(place): field for place, field in enumerate(fields)} for fields in reader]
        names = next(reader, [])
        check_header(path, names, columns)
        for number, fields in enumerate(reader, start=2):
            if len(fields) != len(names):
                raise DataError(f"{path}, record {number}: {len(fields)} columns, but its first line has {len(names)}")
            records.append(dict(zip(names, fields, strict=True)))
    except csv.Error as problem:
        raise DataError(f"{path}: not CSV ({problem}); mend it or fetch it again") from None
    return records


def unquoted(field: str) -> str:
    """A field of a TSV file. One that Python's csv module wrote, as XTREME's scripts do, stands in quotes with the
    quotes inside doubled. A field in plain quotes is left alone: the module would have doubled those as well."""
    doubled = '""' in field[1:-1] and _CSV_FIELD.fullmatch(field)
    return field[1:-1].replace('""', '"') if doubled else field


def check_header(path: Path, header: Sequence[str], columns: Iterable[str] = ()) -> None:
    """Raise DataError where a table lacks one of `columns`, or has a name twice."""
    if missing := [column for column in columns if column not in header]:
        raise DataError(f"{path}: no column {', '.join(missing)}; its first line has: {shown(', '.join(header))[1:-1]}")
    if twice := next((name for name in header if header.count(name) > 1), None):
        raise DataError(f"{path}: the column {shown(twice)} stands twice; leave one out")


def parquet_records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a parquet file, with their numbers from 1."""
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            check_header(path, file.schema_arrow.names)
            for batch in file.iter_batches():
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except (OSError, ValueError, pyarrow.ArrowException) as problem:
        if isinstance(problem, DataError):
            raise
        raise DataError(f"{path}: not a parquet file that can be read; write or fetch it again") from None


# --- tagged columns ----------------------------------------------------------------------------------------------


def read_conll(path: Path, labels: Sequence[str] = ()) -> list[Sentence]:
    """Sentences of a file with one token a line, a tab or blanks and its tag if there are tags, and an empty line
    between sentences.

    Tokens with the tag "_" are left out: Universal Dependencies marks so what has no annotation (as a word that is
    split into others). Where all have it, there are no tags.

    Args:
        labels: the tags that there may be; none: any.

    Raises:
        DataError: a line without a tag in a file that has tags, or a tag that is none of `labels`.
    """
    lines = read_lines(path)
    end = _delimiter(lines, labels)
    tagged = _has_tags(lines, end)
    sentences: list[Sentence] = [([], [])]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            sentences.append(([], []))
            continue
        tokens, tags = sentences[-1]
        token, found, tag = _divided(line, end)
        if end and not found:
            what = "a tab" if end == "\t" else "blanks"
            raise DataError(f"{path}, line {number}: {shown(line)} has no tag after {what}, and others have; add it")
        if tagged and tag == "_":
            continue
        if tagged and (tag not in labels if labels else not tag.strip()):
            said = f"expected one of: {', '.join(labels)}" if labels else "write one"
            raise DataError(f"{path}, line {number}: the tag is {shown(tag)}; {said}")
        tokens.append(token)
        tags.extend([tag] if tagged else [])
    return [sentence for sentence in sentences if sentence[0]]


def has_tags(path: Path, labels: Sequence[str]) -> bool:
    """Whether the tokens of a file as `read_conll` reads it have tags. Reads the first few lines."""
    lines = [line for _, line in islice(each_line(path), 20)]
    return _has_tags(lines, _delimiter(lines, labels))


def _has_tags(lines: Sequence[str], end: str) -> bool:
    return bool(end) and any(_divided(line, end)[2] != "_" for line in lines if line.strip())


def _delimiter(lines: Sequence[str], labels: Sequence[str]) -> str:
    """What stands between token and tag: a tab, a blank, or nothing where there are no tags.

    A token may hold blanks, so they divide only where what follows them is a tag.
    """
    if any("\t" in line for line in lines):
        return "\t"
    first = next((line for line in lines if line.strip()), "")
    tag = _divided(first, " ")[2]
    return " " if tag and (tag in (*labels, "_") if labels else len(first.split()) == 2) else ""


def _divided(line: str, end: str) -> tuple[str, str, str]:
    """Token, what divides them, and tag of a line; the last two are empty where nothing does."""
    if end != " ":
        return line.partition(end) if end else (line, "", "")
    token, _, tag = line.strip().rpartition(" ")
    return (token.rstrip(), " ", tag) if token else (tag, "", "")
