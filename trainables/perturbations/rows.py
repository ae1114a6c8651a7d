"""Rows of a test set, perturbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.perturbations.distractor import with_distractors
from trainables.perturbations.draw import Draw
from trainables.perturbations.entities import with_other_entities
from trainables.perturbations.noise import NOISE
from trainables.perturbations.text import Change, with_words
from trainables.recipe.perturbation import Perturbation

Row = Mapping[str, Any]


def perturbed(
    rows: Sequence[Row], perturbation: Perturbation, columns: Sequence[str], task: str, language: str
) -> list[dict[str, Any]]:
    """The rows, in order, with the same ids and labels; answers stand where they are in the new contexts.

    Args:
        rows: all rows of the split, by column.
        columns: those whose words are changed: texts, or lists of words.
        task: its name; what becomes of a row is a function of it, the language, the row's id and the perturbation.
    """
    draw = Draw(perturbation.kind, perturbation.seed, task, language)
    if perturbation.kind == "distractor":
        return with_distractors(rows, perturbation.strength, draw)
    if perturbation.kind == "entities":
        return with_other_entities(rows, perturbation.strength, draw)
    change = NOISE[perturbation.kind]
    return [_noisy(row, change, perturbation.strength, columns, draw.within(row["id"])) for row in rows]


def _noisy(row: Row, change: Change, strength: float, columns: Sequence[str], draw: Draw) -> dict[str, Any]:
    new = dict(row)
    for column in columns:
        here, value = draw.within(column), row.get(column)
        if isinstance(value, list):
            new[column] = [
                with_words(word, change, strength, here.within(number))[0] for number, word in enumerate(value)
            ]
        elif isinstance(value, str):
            answers = row["answers"] if column == "context" and "answers" in row else {"text": [], "answer_start": []}
            places = list(zip(answers["answer_start"], answers["text"], strict=True))
            kept = [(start, start + len(text)) for start, text in places]
            new[column], grown = with_words(value, change, strength, here, kept)
            if places:
                starts = [start + sum(more for end, more in grown if end <= start) for start, _ in places]
                new["answers"] = {**answers, "answer_start": starts}
    return new
