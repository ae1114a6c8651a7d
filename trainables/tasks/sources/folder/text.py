"""Where the text of masked-lm tasks lies in a data folder: plain, and beside its English."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trainables.tasks.languages import FLORES, NTREX
from trainables.tasks.sources import DataError, Row, is_held_out
from trainables.tasks.sources.file_forms import read_lines
from trainables.tasks.sources.folder.located import Located, held_out_note, require_file
from trainables.tasks.task import Split, Task

TEXT_DEV = 0.03  # of the English sentences, the same in every language


def ntrex(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / "ntrex"
    english = require_file(task, split, language, place / "newstest2019-src.eng.txt")
    own = (
        english
        if language == "en"
        else require_file(task, split, language, place / f"newstest2019-ref.{NTREX[language]}.txt")
    )

    def read() -> list[Row]:
        sentences, translations = read_lines(english), read_lines(own)
        if len(sentences) != len(translations):
            raise DataError(
                f"{own} has {len(translations)} lines, {english} {len(sentences)}; they must be translations"
            )
        keys = (f"ntrex-{number}" for number in range(len(sentences)))
        return _text(zip(keys, sentences, translations, strict=True), split, language)

    return Located((english, own) if own != english else (own,), read, held_out_note(split, "sentences"))


def flores(folder: Path, task: Task, split: Split, language: str) -> Located:
    def files(one: str) -> list[Path]:
        parts = ("train", "dev", "test")
        return [require_file(task, split, one, folder / "sib200" / FLORES[one] / f"{part}.tsv") for part in parts]

    def read() -> list[Row]:
        ours, theirs = (
            dict(line.split("\t")[::2] for file in files(one) for line in read_lines(file)[1:])
            for one in ("en", language)
        )
        if ours.keys() != theirs.keys():
            raise DataError(f"{folder / 'sib200' / FLORES[language]}: its index_ids are not those of {FLORES['en']}")
        return _text(((f"flores-{i}", ours[i], theirs[i]) for i in sorted(ours, key=int)), split, language)

    own = files(language)
    return Located(tuple(own if language == "en" else files("en") + own), read, held_out_note(split, "sentences"))


def gathered(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / "text"
    if language != "en":
        files = [require_file(task, split, language, place / f"{task.name}.{language}.tsv")]
    elif not (files := sorted(place.glob(f"{task.name}.*.tsv"))):
        raise DataError(
            f"{task.name}: no text: there is no {place / task.name}.*.tsv; `python -m tools.corpora` makes it"
        )

    def read() -> list[Row]:
        pairs = [line.split("\t") for file in files for line in read_lines(file)]
        if wrong := next((pair for pair in pairs if len(pair) != 2), None):
            raise DataError(
                f"{files[0]}: the line {wrong!r} has {len(wrong)} columns; expected English and its translation"
            )
        if language == "en":
            pairs = [[english, english] for english in sorted({pair[0] for pair in pairs})]
        return _text(((english, english, other) for english, other in pairs), split, language)

    return Located(tuple(files), read, held_out_note(split, "sentences"))


def _text(pairs: Iterable[tuple[str, str, str]], split: Split, language: str) -> list[Row]:
    """A plain row for each (key, English, translation), and one of both where the language is not English."""
    rows: list[Row] = []
    for number, (key, sentence, translation) in enumerate(pairs):
        if is_held_out(key, TEXT_DEV) != (split == "dev"):
            continue
        rows.append({"id": f"{number}", "text": translation.strip(), "translation": ""})
        if language != "en":
            rows.append({"id": f"{number}-pair", "text": sentence.strip(), "translation": translation.strip()})
    return rows
