"""Sentences and their translations: Tatoeba's pairs, and BUCC's pairs among many sentences that are none."""

from __future__ import annotations

from pathlib import Path

from trainables.tasks.languages import ISO3
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.file_forms import read_lines
from trainables.tasks.sources.folder.located import ABSENT, Located, require_file
from trainables.tasks.task import Split, Task

# What XTREME calls dev and test is the shared task's sample and training set.
_BUCC_NAMES = {"dev": ("dev", "sample"), "test": ("test", "training")}


def tatoeba(folder: Path, task: Task, split: Split, language: str) -> Located:
    code = ISO3[language]
    place = folder / "tatoeba"
    if (place / f"{language}-en.{language}").is_file() and not (place / f"tatoeba.{code}-eng.{code}").is_file():
        raise DataError(
            f"tatoeba: the English sentences of {place / f'{language}-en.en'} are sorted, as XTREME's "
            "download leaves them, so it is lost which is whose translation; put LASER's "
            f"tatoeba.{code}-eng.{code} and tatoeba.{code}-eng.eng there"
        )
    foreign = require_file(task, split, language, place / f"tatoeba.{code}-eng.{code}")
    english = require_file(task, split, language, place / f"tatoeba.{code}-eng.eng")

    def read() -> list[Row]:
        queries, candidates = read_lines(english), read_lines(foreign)
        if len(queries) != len(candidates):
            raise DataError(
                f"{english} has {len(queries)} lines, {foreign} {len(candidates)}; they must be translations"
            )
        return [
            {"id": str(number), "query": query.strip(), "candidate": candidate.strip()}
            for number, (query, candidate) in enumerate(zip(queries, candidates, strict=True))
        ]

    return Located((english, foreign), read)


def bucc(folder: Path, task: Task, split: Split, language: str) -> Located:
    def places(end: str) -> list[Path]:
        return [folder / "bucc2018" / f"{language}-en.{name}.{end}" for name in _BUCC_NAMES[split]]

    if split == "test" and not any(file.is_file() for file in places(language)):
        try:
            dev = bucc(folder, task, "dev", language)
        except DataError:
            require_file(task, split, language, *places(language))
            raise
        note = "dev set: there are no test files; the same rows tune the threshold"
        return Located(dev.files, dev.read, note, stands_in_for=ABSENT)
    foreign = require_file(task, split, language, *places(language))
    english = require_file(task, split, language, *places("en"))
    gold = next((file for file in places("gold") if file.is_file()), None)
    if gold is None and split == "dev":
        raise DataError(f"bucc2018: there is no {places('gold')[0]}, and dev pairs are what tunes the threshold")

    def read() -> list[Row]:
        matches = dict(_two_columns(gold)) if gold else {}
        rows: list[Row] = [
            {"id": key, "side": side, "text": text.strip(), "match": matches.pop(key, "") if gold else None}
            for side, file in (("foreign", foreign), ("english", english))
            for key, text in _two_columns(file)
        ]
        if matches:
            raise DataError(f"{gold}: {len(matches)} ids are not in {foreign}: {', '.join(sorted(matches)[:3])}")
        return rows

    note = "" if gold else "without gold pairs, so it can be predicted and not be scored"
    return Located((foreign, english, *([gold] if gold else [])), read, note)


def _two_columns(file: Path) -> list[tuple[str, str]]:
    rows = [(key, text) for key, _, text in (line.partition("\t") for line in read_lines(file))]
    if wrong := next((number for number, (_, text) in enumerate(rows, start=1) if not text), None):
        raise DataError(f"{file}, line {wrong}: expected an id, a tab and a sentence (or the id of one)")
    return rows
