"""Reads the file formats of the real tasks. A row may carry a "group" that hold-outs keep together."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.tasks.sources import DataError, Row

# A field that was written by Python's csv module, as XTREME's scripts do: in quotes, with quotes inside doubled. A
# field in plain quotes is left alone: the module would have doubled those as well.
_CSV_FIELD = re.compile(r'"(?:[^"]|"")*"')


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file. Only newlines end one: Unicode's other separators may be in a sentence."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{path}: not UTF-8 text (byte {problem.start}); convert the file to UTF-8") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DataError(f"{path}: not JSON ({problem}); fetch it again") from None


def read_json_lines(path: Path, form: Callable[[Mapping[str, Any]], Row | None]) -> list[Row]:
    """Rows of a file with one JSON object a line, each given by `form`; what gives ``None`` is left out.

    Rows whose form has no "id" get their position as one.
    """
    rows: list[Row] = []
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:  # line by line: some have a million
            for line in lines:
                number += 1
                row = form(json.loads(line)) if line.strip() else None
                if row is not None:
                    rows.append({"id": str(len(rows)), **row})
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise DataError(f"{path}, line {number}: not in the form of this data set ({problem!r})") from None
    return rows


def read_table(path: Path, columns: Sequence[str], *, quoted: bool = False) -> list[dict[str, str]]:
    """Records of a file with a header line that has these columns: TSV, or with `quoted` CSV."""
    lines = read_lines(path)
    text = io.StringIO("\n".join(lines), newline="")
    reader: Iterator[list[str]] = csv.reader(text) if quoted else (line.split("\t") for line in lines)
    header = next(reader, [])
    if missing := [column for column in columns if column not in header]:
        raise DataError(f"{path}: no column {', '.join(missing)}; its first line has: {', '.join(header)}")
    records = []
    for number, fields in enumerate(reader, start=2):
        if len(fields) != len(header):
            raise DataError(f"{path}, record {number}: {len(fields)} columns, but its first line has {len(header)}")
        records.append(dict(zip(header, fields, strict=True)))
    return records


def read_pairs(path: Path, labels: Sequence[str], *, header: bool = False) -> list[Row]:
    """Rows of a file with the columns text, text and, if any, label; the group is the first text."""
    rows: list[Row] = []
    for number, line in enumerate(read_lines(path), start=1):
        if header and number == 1:
            continue
        fields = [_unquote(field).strip() for field in line.split("\t")]
        if len(fields) not in (2, 3):
            raise DataError(
                f"{path}, line {number}: {len(fields)} columns; expected two texts, and a label if there "
                "are labels, separated by tabs"
            )
        text_a, text_b, label = (*fields, "")[:3]
        label = checked_label(label, labels, f"{path}, line {number}") if label else ""
        rows.append({"id": str(len(rows)), "text_a": text_a, "text_b": text_b, "label": label, "group": text_a})
    return rows


def checked_label(label: str, labels: Sequence[str], where: str) -> str:
    """The label as the task spells it ("contradictory" is MNLI's old name); DataError if it is another."""
    label = "contradiction" if label == "contradictory" else label
    if label not in labels:
        raise DataError(f'{where}: the label is "{label}"; expected one of: {", ".join(labels)}')
    return label


def read_translated_pairs(path: Path, labels: Sequence[str]) -> list[Row]:
    """Rows of XTREME's translate-train files: English text, text, the translations of both, and the label.

    A few lines were put together wrongly and do not end with a label; the benchmark leaves them out, and so do we.
    """
    rows: list[Row] = []
    for line in read_lines(path):
        fields = [_unquote(field).strip() for field in line.split("\t")]
        label = "contradiction" if fields[-1] == "contradictory" else fields[-1]
        if len(fields) == 5 and label in labels:
            rows.append({"id": str(len(rows)), "text_a": fields[2], "text_b": fields[3], "label": label})
    return rows


def read_tagged(path: Path, labels: Sequence[str], language: str) -> list[Row]:
    """Sentences of a file: one token a line, a tab and its tag if there are tags, an empty line between.

    Tokens with the tag "_" are left out: Universal Dependencies marks so what has no annotation (as a word
    that is split into others). The "en:" before every token in the original PAN-X files is removed.
    """
    sentences: list[list[tuple[str, str | None]]] = [[]]
    prefix = f"{language}:"
    prefixed = True
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            sentences.append([])
            continue
        token, tab, tag = line.partition("\t")
        if tab and tag == "_":
            continue
        if tab and tag not in labels:
            raise DataError(f'{path}, line {number}: the tag is "{tag}"; expected one of: {", ".join(labels)}')
        prefixed = prefixed and token.startswith(prefix)
        sentences[-1].append((token, tag if tab else None))
    rows: list[Row] = []
    for sentence in filter(None, sentences):
        tokens = [token.removeprefix(prefix) if prefixed else token for token, _ in sentence]
        tags = [tag for _, tag in sentence if tag is not None]
        rows.append({"id": str(len(rows)), "tokens": tokens, "tags": tags})
    tagged = sum(len(row["tags"]) for row in rows)
    if tagged and tagged != sum(len(row["tokens"]) for row in rows):
        raise DataError(
            f"{path}: some tokens have tags and some have none; a score over a part would mislead, so "
            "complete the tags or remove the file"
        )
    return rows


def has_tags(path: Path) -> bool:
    """Whether the first token of a tagging file has a tag. Reads no further."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        return "\t" in next((line for line in file if line.strip()), "")


def read_questions(path: Path) -> list[Row]:
    """Questions of a file in SQuAD v1.1 form; the group is the article's title or, without one, the passage.

    Answers whose text is empty are placeholders of the public test sets and make the row unlabelled. A question of
    SQuAD v2.0 without an answer has none. Ids are the file's own if they are all different, else positions: XTREME's
    split of TyDiQA's train set shortens them to a few dozen.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        rows = [
            {
                "id": str(question["id"]),
                "question": question["question"],
                "context": paragraph["context"],
                "answers": {
                    "text": [answer["text"] for answer in question["answers"] if answer["text"]],
                    "answer_start": [answer["answer_start"] for answer in question["answers"] if answer["text"]],
                },
                "group": article.get("title") or paragraph["context"],
            }
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError, ValueError) as problem:
        raise DataError(f"{path}: not a file in SQuAD v1.1 form ({problem!r}); fetch it again") from None
    if len({row["id"] for row in rows}) < len(rows):
        rows = [{**row, "id": str(position)} for position, row in enumerate(rows)]
    return rows


def _unquote(field: str) -> str:
    doubled = '""' in field[1:-1] and _CSV_FIELD.fullmatch(field)
    return field[1:-1].replace('""', '"') if doubled else field
