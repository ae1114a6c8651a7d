"""The submission layout of XTREME: where a task's file of a language lies, and what is in it.

``<folder>/<task>/test-<language>.<extension>``, the same for predictions and labels. Texts are UTF-8; lines end where
Python's text files end them, and white space around a line does not count.

=========  =========  =================================================================================
layout     extension  content
=========  =========  =================================================================================
labels     tsv        a label a line
indices    tsv        a line for each query: the row of the nearest candidate, counted from 0
tags       tsv        a tag a line, an empty line between sentences
pairs      tsv        two sentence ids a line, a tab between them
choices    jsonl      a JSON object a line, its "label" the number of the choice from 0
answers    json       predictions: an object from question id to text; labels: a file in SQuAD form
ranked     json       an object from query id to candidate ids: predictions the best first, labels the right
=========  =========  =================================================================================

As in the reference, JSON may be wrapped in an object whose "data" it is. (A question or query called "data" would be
taken for that.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.suites.definitions import DEPTH, SuiteTask


class Unreadable(ValueError):
    """A file is not in its layout, or does not fit the file beside it; one line: file, place, found, mend."""


def file_of(folder: Path, task: SuiteTask, language: str) -> Path:
    """Where the predictions or labels of a language lie."""
    return folder / task.name / f"test-{language}.{task.extension}"


def read_text(path: Path) -> str:
    """The text of a file, with every line end as a newline. Raises `Unreadable`."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise Unreadable(f"{path}: not UTF-8 text (byte {problem.start}); convert the file to UTF-8") from None
    except OSError as problem:
        raise Unreadable(f"{path}: cannot be read ({problem.strerror}); give a readable file") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a file, without the white space around them. Raises `Unreadable`."""
    return [line.strip() for line in _lines(path)]


def read_sentences(path: Path) -> list[list[str]]:
    """The tags of each sentence. Every empty line ends one, also an empty one; so does the end of the file, unless
    the line before it is empty. Raises `Unreadable`."""
    sentences: list[list[str]] = [[]]
    for line in read_lines(path):
        if line:
            sentences[-1].append(line)
        else:
            sentences.append([])
    return sentences if sentences[-1] else sentences[:-1]


def read_pairs(path: Path) -> set[tuple[str, ...]]:
    """The pairs of ids. A line of another number of columns is a pair of its own kind. Raises `Unreadable`."""
    return {tuple(line.split("\t")) for line in read_lines(path)}


def read_choices(path: Path) -> list[Any]:
    """The "label" of each line, of whatever JSON type it is. Raises `Unreadable`."""
    choices = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            choices.append(json.loads(line)["label"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreadable(
                f'{path}, line {number}: {line[:60]!a} is no JSON object with a "label"; write {{"label": 0}}'
            ) from None
    return choices


def read_json(path: Path) -> Any:
    """The JSON of a file, or what stands in it under "data". Raises `Unreadable`."""
    text = read_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Unreadable(f"{path}: not JSON ({problem}); write it again") from None
    if not isinstance(value, dict | list | str):
        raise Unreadable(f"{path}: it holds {value!r} alone; write a JSON object")
    return value["data"] if isinstance(value, dict) and "data" in value else value


def questions(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and entry of every question of a label file in SQuAD form, in its order. Raises `Unreadable`."""
    try:
        for article in read_json(path):
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    if not isinstance(question["id"], str):
                        raise Unreadable(f"{path}: the question id {question['id']!r} is no text; put it in quotes")
                    yield question["id"], question
    except (KeyError, TypeError, AttributeError, IndexError) as problem:
        raise _no_squad(path, problem) from None


def answer_texts(path: Path, question: dict[str, Any]) -> list[str]:
    """The accepted answers of a question of `path`; at least one. Raises `Unreadable`."""
    try:
        texts = [answer["text"] for answer in question["answers"]]
    except (KeyError, TypeError, IndexError) as problem:
        raise _no_squad(path, problem) from None
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Unreadable(
            f"{path}: question {question['id']!a} has no answer that is a text, so it cannot be scored; "
            "use labelled data"
        )
    return texts


def right_candidates(path: Path, task: SuiteTask, query: str, value: Any) -> list[str]:
    """The right candidates of a query of a label file, each once. Raises `Unreadable`."""
    try:
        right = [value[0].strip()] if task.first_label_only else list(dict.fromkeys(str.strip(one) for one in value))
    except (TypeError, KeyError, IndexError, AttributeError):
        right = []
    if not right:
        raise Unreadable(f"{path}: query {query!r} has {value!r}, no list of candidate ids; use labelled data")
    return right


def first_candidates(path: Path, query: str, value: Any) -> Any:
    """As many candidates of a query of a file of predictions as count. Raises `Unreadable`."""
    try:
        return value[:DEPTH]
    except (TypeError, KeyError):
        raise Unreadable(f"{path}: query {query!r} has {value!r}, no list of candidate ids; write a list") from None


def _lines(path: Path) -> list[str]:
    lines = read_text(path).split("\n")  # not `splitlines`: Unicode's other separators may stand in a line
    return lines if lines[-1] else lines[:-1]


def _no_squad(path: Path, problem: Exception) -> Unreadable:
    return Unreadable(f"{path}: not a file in SQuAD v1.1 form ({problem!r}); use the labels as they were published")
