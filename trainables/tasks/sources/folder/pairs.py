"""Pairs of sentences: inference (XNLI, MNLI, SNLI, ANLI and stand-ins) and paraphrases (PAWS, PAWS-X, QQP)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.tasks.sources import DataError, Row, is_held_out, part
from trainables.tasks.sources.file_forms import each_line, read_lines, read_table
from trainables.tasks.sources.folder.glue import dev_for_test, scored_on_dev
from trainables.tasks.sources.folder.located import Located, held_out_note, labelled_or_dev, require_file
from trainables.tasks.sources.folder.reading import (
    checked_label,
    read_json_lines,
    read_pairs,
    read_translated_pairs,
)
from trainables.tasks.task import Split, Task

XNLI_DEV_DEV = 0.2  # of the premises
PAWSX_DEV_DEV = 0.2  # of the first sentences
SNLI_DEV = 0.1  # of the premises
ANLI_ROUNDS = ("R1", "R2", "R3")
_ANLI_LABELS = {"e": "entailment", "n": "neutral", "c": "contradiction"}
_SNLI_NAMES = ("s1", "s2", "labels")


def mnli(folder: Path, task: Task, split: Split, language: str) -> Located:
    if language != task.train_language:
        return _translated(folder, task, split, language, "XNLI", "xnli")
    # XTREME's layout keeps MNLI's training set beside XNLI, and has not its dev set.
    release = "multinli_1.0_dev_matched.jsonl"
    places = (folder / "mnli" / release, folder / "mnli" / "multinli_1.0" / release)
    own = next((place for place in places if place.is_file()), None) if split == "dev" else None
    if own is not None:
        return Located((own,), lambda: _stanford(own, task))
    file = require_file(task, split, language, folder / "xnli" / f"{split}-en.tsv")
    note = f"XNLI's English dev set: there is no mnli/{release}" if split == "dev" else ""
    return Located((file,), lambda: _labelled_pairs(file, task), note)


def _translated(folder: Path, task: Task, split: Split, language: str, theirs: str, ours: str) -> Located:
    name = Path("translate-train") / f"en-{language}-translated.tsv"
    file = require_file(task, split, language, folder / "xtreme_translations" / theirs / name, folder / ours / name)
    return Located((file,), lambda: read_translated_pairs(file, task.labels), "translated by XTREME")


def xnli(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "xnli" / f"test-{language}.tsv")
    labels = folder / "xnli" / "test-labels.txt"
    files = (file, labels) if labels.is_file() else (file,)

    def read() -> list[Row]:
        rows = read_pairs(file, task.labels)
        # One and the same label in every row is the placeholder that some copies of the test set carry.
        if len(files) == 1 or len({row["label"] for row in rows}) > 1:
            return rows
        lines = enumerate(read_lines(labels), start=1)
        gold = [checked_label(label, task.labels, f"{labels}, line {number}") for number, label in lines]
        if len(gold) != len(rows):
            raise DataError(
                f"{labels} has {len(gold)} labels for the {len(rows)} rows of {file}; they must go row by row"
            )
        return [{**row, "label": label} for row, label in zip(rows, gold, strict=True)]

    return Located(files, read)


def xnli_dev(folder: Path, task: Task, split: Split, language: str) -> Located:
    """Rows of another language are those whose English originals are in the same part: its train rows have no
    translation of a row that picks the checkpoint."""
    file = require_file(task, split, language, folder / "xnli" / "dev-en.tsv")
    note = held_out_note(split, "premises")
    if language == task.train_language:
        return Located((file,), lambda: part(_labelled_pairs(file, task), split, XNLI_DEV_DEV), note)
    translated = require_file(task, split, language, folder / "xnli" / f"dev-{language}.tsv")

    def read() -> list[Row]:
        originals, rows = _labelled_pairs(file, task), _labelled_pairs(translated, task)
        if [row["label"] for row in rows] != [row["label"] for row in originals]:
            raise DataError(
                f"{translated}: its rows are not those of {file.name}, line by line; take both of one release"
            )
        kept = {row["id"] for row in part(originals, split, XNLI_DEV_DEV)}
        return [row for row in rows if row["id"] in kept]

    return Located((file, translated), read, note)


def snli(folder: Path, task: Task, split: Split, language: str) -> Located:
    release = folder / "snli" / f"snli_1.0_{split}.jsonl"
    inner = folder / "snli" / "snli_1.0" / release.name
    aligned = tuple(folder / "snli" / f"{kind}.{split}" for kind in _SNLI_NAMES)
    if all(file.is_file() for file in aligned) and not (release.is_file() or inner.is_file()):
        return Located(aligned, lambda: _aligned(f"snli-{split}", task, *aligned), "tokenised, as in e-SNLI")
    file = require_file(task, split, language, release, inner)
    return Located((file,), lambda: _stanford(file, task))


def _stanford(file: Path, task: Task) -> list[Row]:
    """Rows in the form of SNLI's and MNLI's releases."""

    def form(record: Mapping[str, Any]) -> Row | None:
        if record["gold_label"] == "-":  # the annotators did not agree
            return None
        pair = {"id": record["pairID"], "text_a": record["sentence1"], "text_b": record["sentence2"]}
        return {**pair, "label": checked_label(record["gold_label"], task.labels, str(file))}

    return read_json_lines(file, form)


def anli(folder: Path, task: Task, split: Split, language: str) -> Located:
    files = tuple(
        require_file(
            task, split, language, *(folder / name / which / f"{split}.jsonl" for name in ("anli", "anli_v1.0"))
        )
        for which in ANLI_ROUNDS
    )

    return Located(files, lambda: [row for file in files for row in anli_rows(file)])


def anli_rows(file: Path) -> list[Row]:
    """Rows of a file of ANLI's release."""

    def form(record: Mapping[str, Any]) -> Row:
        pair = {"id": record["uid"], "text_a": record["context"], "text_b": record["hypothesis"]}
        return {**pair, "label": _ANLI_LABELS[record["label"]]}

    return read_json_lines(file, form)


def qqp(folder: Path, task: Task, split: Split, language: str) -> Located:
    name = f"{dev_for_test(split)}.tsv"
    file = require_file(task, split, language, *(folder / place / name for place in ("qqp", "QQP")))

    def read() -> list[Row]:
        # The release has a few broken lines, which GLUE's own readers leave out.
        lines = [line.split("\t") for line in read_lines(file)[1:]]
        return [
            {"id": str(number), "text_a": fields[3], "text_b": fields[4], "label": fields[5]}
            for number, fields in enumerate(lines)
            if len(fields) == 6 and fields[5] in task.labels
        ]

    return scored_on_dev(split, file, read)


def paws(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, *(folder / name / f"{split}.tsv" for name in ("paws", "paws/final")))
    return Located((file,), lambda: _numbered_pairs(file, task))


def pawsx(folder: Path, task: Task, split: Split, language: str) -> Located:
    place, release = folder / "pawsx", folder / "x-final" / language
    if split == "train" and language != task.train_language:
        original = release / "translated_train.tsv"
        if original.is_file():
            return Located((original,), lambda: _numbered_pairs(original, task), "translated by PAWS-X")
        return _translated(folder, task, split, language, "PAWSX", "pawsx")
    if split != "test":
        file = require_file(task, split, language, place / f"{split}-{language}.tsv")
        return Located((file,), lambda: _labelled_pairs(file, task))
    tests = [place / "labelled_test" / f"test-{language}.tsv", release / "test_2k.tsv", place / f"test-{language}.tsv"]

    def read(file: Path) -> list[Row]:
        return _numbered_pairs(file, task) if _has_header(file) else read_pairs(file, task.labels)

    return labelled_or_dev(task, language, tests, [place / f"dev-{language}.tsv"], _has_label, read)


def pawsx_dev(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "pawsx" / "dev-en.tsv")
    return Located(
        (file,), lambda: part(_labelled_pairs(file, task), split, PAWSX_DEV_DEV), held_out_note(split, "sentences")
    )


def snli_cad(folder: Path, task: Task, split: Split, language: str) -> Located:
    names = [(name, kind) for name in ("dev", "test") for kind in _SNLI_NAMES]
    snli = [require_file(task, split, language, folder / "snli" / f"{kind}.{name}") for name, kind in names]
    cad_folder = folder / "cad_nli" / "all_combined"
    cad_train = require_file(task, split, language, cad_folder / "train.tsv")
    cad_dev = require_file(task, split, language, cad_folder / "dev.tsv")

    def read() -> list[Row]:
        originals = [*_aligned("snli-dev", task, *snli[:3]), *_aligned("snli-test", task, *snli[3:])]
        train, dev = (
            [{**row, "id": f"cad-{name}-{row['id']}"} for row in _labelled_pairs(file, task, header=True)]
            for name, file in (("train", cad_train), ("dev", cad_dev))
        )
        # The revised examples alone would make a dev set on which hypothesis-only guessing is at chance, so
        # it is mixed.
        held_out = {_letters(row["text_a"]) for row in dev}
        held_out |= {key for row in originals if is_held_out(key := _letters(row["text_a"]), SNLI_DEV)}
        dev += [row for row in originals if _letters(row["text_a"]) in held_out]
        train = [row for row in [*originals, *train] if _letters(row["text_a"]) not in held_out]
        # 600 originals of the counterfactual set are also in SNLI, spaced otherwise; a pair's first
        # appearance stays.
        kept = {
            (_letters(row["text_a"]), _letters(row["text_b"])): row
            for row in reversed(dev if split == "dev" else train)
        }
        return list(reversed(kept.values()))

    return Located((*snli, cad_train, cad_dev), read, held_out_note(split, "premises"))


def _labelled_pairs(file: Path, task: Task, *, header: bool = False) -> list[Row]:
    rows = read_pairs(file, task.labels, header=header)
    for row in rows:
        if not row["label"]:
            raise DataError(
                f"{file}: row {row['id']} (from 0) has no label, and this file is used to train or to select"
            )
    return rows


def _numbered_pairs(file: Path, task: Task) -> list[Row]:
    """Rows of PAWS and PAWS-X as released: id, sentence1, sentence2, label under a header."""
    return [
        {
            "id": str(number),
            "text_a": record["sentence1"].strip(),
            "text_b": record["sentence2"].strip(),
            "label": checked_label(record["label"].strip(), task.labels, f"{file}, line {number + 2}"),
        }
        for number, record in enumerate(read_table(file, ("id", "sentence1", "sentence2", "label")))
    ]


def _has_header(file: Path) -> bool:
    return _first_line(file).startswith("id\t")


def _has_label(file: Path) -> bool:
    return _has_header(file) or _first_line(file).count("\t") == 2


def _first_line(file: Path) -> str:
    return next((line for _, line in each_line(file)), "")


def _aligned(name: str, task: Task, *files: Path) -> list[Row]:
    """Rows of three files that go line by line: first texts, second texts, labels."""
    columns = [read_lines(file) for file in files]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(f"{file.name} {len(column)}" for file, column in zip(files, columns, strict=True))
        raise DataError(f"{files[0].parent}: files of different length ({lengths} lines); they must go line by line")
    return [
        {"id": f"{name}-{number}", "text_a": a.strip(), "text_b": b.strip(), "label": label}
        for number, (a, b, label) in enumerate(zip(*columns, strict=True))
        if checked_label(label, task.labels, f"{files[2]}, line {number + 1}")
    ]


def _letters(text: str) -> str:
    """What two copies of a sentence have in common when one was tokenised: its letters and digits."""
    return re.sub(r"[\W_]+", "", text.lower())
