"""Reads the forms that the files of the real tasks have. A row may carry a "group" that hold-outs keep together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.file_forms import json_lines, read_conll, read_json, read_lines, unquoted


def read_json_lines(path: Path, form: Callable[[Mapping[str, Any]], Row | None]) -> list[Row]:
    """Rows of a file with one JSON object a line, each given by `form`; what gives ``None`` is left out.

    Rows whose form has no "id" get their position as one.
    """
    rows: list[Row] = []
    for number, record in json_lines(path):
        try:
            row = form(record)
        except DataError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise DataError(f"{path}, line {number}: not in the form of this data set ({problem!r})") from None
        if row is not None:
            rows.append({"id": str(len(rows)), **row})
    return rows


def read_pairs(path: Path, labels: Sequence[str], *, header: bool = False) -> list[Row]:
    """Rows of a file with the columns text, text and, if any, label; the group is the first text."""
    rows: list[Row] = []
    for number, line in enumerate(read_lines(path), start=1):
        if header and number == 1:
            continue
        fields = [unquoted(field).strip() for field in line.split("\t")]
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
        raise DataError(f"{where}: the label is {shown(label)}; expected one of: {', '.join(labels)}")
    return label


def read_translated_pairs(path: Path, labels: Sequence[str]) -> list[Row]:
    """Rows of XTREME's translate-train files: English text, text, the translations of both, and the label.

    A few lines were put together wrongly and do not end with a label; the benchmark leaves them out, and so do we.
    """
    rows: list[Row] = []
    for line in read_lines(path):
        fields = [unquoted(field).strip() for field in line.split("\t")]
        label = "contradiction" if fields[-1] == "contradictory" else fields[-1]
        if len(fields) == 5 and label in labels:
            rows.append({"id": str(len(rows)), "text_a": fields[2], "text_b": fields[3], "label": label})
    return rows


def read_tagged(path: Path, labels: Sequence[str], language: str) -> list[Row]:
    """Sentences of a tagging file (`read_conll`). The "en:" before every token in the original PAN-X files is
    removed."""
    sentences, prefix = read_conll(path, labels), f"{language}:"
    prefixed = all(token.startswith(prefix) for tokens, _ in sentences for token in tokens)
    return [
        {"id": str(i), "tokens": [one.removeprefix(prefix) if prefixed else one for one in tokens], "tags": tags}
        for i, (tokens, tags) in enumerate(sentences)
    ]


def read_questions(path: Path) -> list[Row]:
    """Questions of a file in SQuAD v1.1 form; the group is the article's title or, without one, the passage.

    Answers whose text is empty are placeholders of the public test sets and make the row unlabelled. A question of
    SQuAD v2.0 without an answer has none.
    """
    try:
        articles = read_json(path)["data"]
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
    except (KeyError, TypeError, AttributeError) as problem:
        raise DataError(f"{path}: not a file in SQuAD v1.1 form ({problem!r}); fetch it again") from None
    return rows
