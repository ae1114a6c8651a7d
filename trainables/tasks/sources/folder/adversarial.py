"""Adversarial sets: Adversarial SQuAD, AdvGLUE, the rounds of ANLI, and HANS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.metrics.adversarial_squad import question_of
from trainables.outside.text import shown
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.file_forms import read_json, read_table
from trainables.tasks.sources.folder.glue import numbered_label
from trainables.tasks.sources.folder.located import Finder, Located, require_file
from trainables.tasks.sources.folder.pairs import anli_rows
from trainables.tasks.sources.folder.reading import checked_label, read_questions
from trainables.tasks.sources.record_mappers import hans_parts
from trainables.tasks.task import Split, Task

ADD_SENT, ADD_ONE_SENT = "sample1k-HCVerifyAll.json", "sample1k-HCVerifySample.json"
HANS = "heuristics_evaluation_set.txt"


def adversarial_squad(*names: str, clean: bool = False) -> Finder:
    """Finds the rows of the first of some files of Adversarial SQuAD.

    Args:
        clean: the rows with the passages of SQuAD alone, whose ids are those of the questions.
    """

    def find(folder: Path, task: Task, split: Split, language: str) -> Located:
        file = require_file(task, split, language, *(folder / "squad_adversarial" / name for name in names))

        def read() -> list[Row]:
            rows = read_questions(file)
            return [row for row in rows if row["id"] == question_of(row["id"])] if clean else rows

        return Located((file,), read)

    return find


def advglue(part: str, **columns: str) -> Finder:
    """Finds the rows of a part of AdvGLUE's dev set.

    Args:
        part: its name in the file, "mnli-mm".
        columns: fields of a row, by column of the task type.
    """

    def find(folder: Path, task: Task, split: Split, language: str) -> Located:
        place = folder / "advglue"
        file = require_file(task, split, language, place / "dev.json", place / "dev" / "dev.json")

        def read() -> list[Row]:
            parts = read_json(file)
            if not isinstance(parts, Mapping) or not isinstance(parts.get(part), list):
                there = shown(", ".join(map(str, parts)), 120) if isinstance(parts, Mapping) else "no object"
                raise DataError(f'{file}: no list "{part}"; it has {there}; fetch AdvGLUE\'s dev set again')
            return [row(record, f"{file}, {part}[{i}]") for i, record in enumerate(parts[part])]

        def row(record: Mapping[str, Any], where: str) -> Row:
            label = numbered_label(str(record["label"]), task.labels, where)
            return {
                "id": str(record["idx"]),
                **{ours: record[theirs] for ours, theirs in columns.items()},
                "label": label,
            }

        return Located((file,), read)

    return find


def anli_round(which: str) -> Finder:
    """Finds the test rows of a round of ANLI, "R1"."""

    def find(folder: Path, task: Task, split: Split, language: str) -> Located:
        places = (folder / name / which / f"{split}.jsonl" for name in ("anli", "anli_v1.0"))
        file = require_file(task, split, language, *places)
        return Located((file,), lambda: anli_rows(file))

    return find


def hans(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "hans" / HANS)
    columns = ("gold_label", "sentence1", "sentence2", "pairID", "heuristic")

    def read() -> list[Row]:
        return [
            {
                "id": record["pairID"],
                "text_a": record["sentence1"].strip(),
                "text_b": record["sentence2"].strip(),
                "label": (label := checked_label(record["gold_label"], task.row_labels, f"{file}, record {number}")),
                "parts": hans_parts(record["heuristic"], label),
            }
            for number, record in enumerate(read_table(file, columns), start=2)
        ]

    return Located((file,), read)
