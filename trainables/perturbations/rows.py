"""Rows of a test set, perturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from trainables.perturbations.code_switching import Switch
from trainables.perturbations.dictionaries import Entries
from trainables.perturbations.distractor import with_distractors
from trainables.perturbations.draw import Draw
from trainables.perturbations.entities import entities_of, with_other_entities
from trainables.perturbations.noise import NOISE, mistyped
from trainables.perturbations.text import Edit, Span, edited, edits_of, words
from trainables.recipe.perturbation import Perturbation

Row = Mapping[str, Any]
Edits = Callable[[str, Draw, Sequence[Span]], tuple[list[Edit], int]]
"""What becomes of words of a text, whose spans of answers stay; and how many words it has."""


@dataclass(frozen=True)
class Perturbed:
    """A row that is perturbed, or stays."""

    row: dict[str, Any]
    words: int
    """In the columns that can be changed; 0 where no words are (`distractor`)."""
    changed: int
    """Words of these that are others now."""


def perturbed(
    rows: Sequence[Row],
    perturbation: Perturbation,
    columns: Sequence[str],
    task: str,
    language: str,
    dictionaries: Mapping[str, Entries] | None = None,
) -> list[Perturbed]:
    """The rows, in order, with the same ids and labels; answers stand where they are in the new contexts.

    Args:
        rows: all rows of the split, by column.
        columns: those whose words are changed: texts, or lists of words.
        task: its name; what becomes of a row is a function of it, the language, the row's id and the perturbation.
        dictionaries: what those of the perturbation say, by the language of their translations.
    """
    draw = Draw(perturbation.kind, perturbation.seed, task, language)
    if perturbation.kind == "distractor":
        return [Perturbed(row, 0, 0) for row in with_distractors(rows, perturbation.strength, draw)]
    if perturbation.kind == "entities":
        others = with_other_entities(rows, perturbation.strength, draw)
        return [_counted(old, new) for old, new in zip(rows, others, strict=True)]
    if perturbation.kind == "code-switching":
        switch = Switch(language, dictionaries or {}, perturbation.strength)
        return [_switched(row, switch, columns, draw.within(row["id"])) for row in rows]

    change = NOISE[perturbation.kind]
    if perturbation.kind == "keyboard":
        change = partial(mistyped, layout=perturbation.keyboard, language=language)

    def edits(text: str, here: Draw, kept: Sequence[Span]) -> tuple[list[Edit], int]:
        return list(edits_of(text, change, perturbation.strength, here, kept)), sum(1 for _ in words(text))

    return [_edited(row, edits, columns, draw.within(row["id"])) for row in rows]


def _counted(old: Row, new: dict[str, Any]) -> Perturbed:
    others = sum(before != now for before, now in zip(old["tokens"], new["tokens"], strict=True))
    return Perturbed(new, len(old["tokens"]), others)


def _edited(row: Row, edits: Edits, columns: Sequence[str], draw: Draw) -> Perturbed:
    new, count, changed = dict(row), 0, 0
    for column in columns:
        here, value = draw.within(column), row.get(column)
        if isinstance(value, list):
            tokens = []
            for number, word in enumerate(value):
                found, some = edits(word, here.within(number), ())
                tokens.append(edited(word, found)[0])
                count, changed = count + some, changed + len(found)
            new[column] = tokens
        elif isinstance(value, str):
            answers = row["answers"] if column == "context" and "answers" in row else {"text": [], "answer_start": []}
            places = list(zip(answers["answer_start"], answers["text"], strict=True))
            found, some = edits(value, here, [(start, start + len(text)) for start, text in places])
            new[column], grown = edited(value, found)
            count, changed = count + some, changed + len(found)
            if places:
                starts = [start + sum(more for end, more in grown if end <= start) for start, _ in places]
                new["answers"] = {**answers, "answer_start": starts}
    return Perturbed(new, count, changed)


def _switched(row: Row, switch: Switch, columns: Sequence[str], draw: Draw) -> Perturbed:
    """Of a row that is a list of words: one word each, and those of entities stay, whose translations, word by word,
    are no names."""
    if "tokens" not in columns:
        return _edited(row, switch.edits, columns, draw)
    tokens: list[str] = list(row["tokens"])
    entities = {place for _, start, end in _named(row) for place in range(start, end)}
    here = draw.within("tokens")
    for number, word in enumerate(row["tokens"]):
        if number not in entities and word:
            begins = number == 0 or row["tokens"][number - 1] in (".", "!", "?", "…")
            tokens[number] = switch.word(word, begins, here.within(number))
    return _counted(row, {**row, "tokens": tokens})


def _named(row: Row) -> Iterator[tuple[str, int, int]]:
    if any(tag[:2] in ("B-", "I-", "E-", "S-") for tag in row["tags"]):
        yield from entities_of(row["tags"])
