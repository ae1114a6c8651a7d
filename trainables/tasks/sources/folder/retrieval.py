"""Sentences and their translations: Tatoeba's pairs, and BUCC's pairs among many sentences that are none."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from trainables.outside.text import shown
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
        sides = {"foreign": _two_columns(foreign), "english": _two_columns(english)}
        ids = {side: {key for key, _ in sentences} for side, sentences in sides.items()}
        matches = _partners(gold, ids["foreign"], ids["english"]) if gold else None
        return [
            {
                "id": key,
                "side": side,
                "text": text.strip(),
                "match": None if matches is None else "\t".join(matches[key]) if side == "foreign" else "",
            }
            for side, sentences in sides.items()
            for key, text in sentences
        ]

    note = "" if gold else "without gold pairs, so it can be predicted and not be scored"
    return Located((foreign, english, *([gold] if gold else [])), read, note)


def _partners(gold: Path, foreign: set[str], english: set[str]) -> defaultdict[str, list[str]]:
    """The English translations of each foreign sentence; some have two. The columns may be swapped in all lines."""
    pairs = _two_columns(gold)
    swapped = [(ours, theirs) for theirs, ours in pairs]
    if all(ours in foreign and theirs in english for ours, theirs in swapped) and any(
        ours not in foreign or theirs not in english for ours, theirs in pairs
    ):
        pairs = swapped
    found = defaultdict[str, list[str]](list)
    for number, (ours, theirs) in enumerate(pairs, start=1):
        for name, side, there in ((ours, "foreign", foreign), (theirs, "English", english)):
            if name not in there:
                raise DataError(
                    f"{gold}, line {number}: {shown(name)} is no id of the {side} sentences; write a foreign id, "
                    "a tab, and the id of its English translation"
                )
        if theirs not in found[ours]:
            found[ours].append(theirs)
    return found


def _two_columns(file: Path) -> list[tuple[str, str]]:
    rows = [(key, text) for key, _, text in (line.partition("\t") for line in read_lines(file))]
    if wrong := next((number for number, (_, text) in enumerate(rows, start=1) if not text), None):
        raise DataError(f"{file}, line {wrong}: expected an id, a tab and a sentence (or the id of one)")
    return rows
