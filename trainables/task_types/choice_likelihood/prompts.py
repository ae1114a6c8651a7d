"""From rows of multiple choice to what a language model reads and goes on with: texts, as lm-evaluation-harness joins
them (`fewshot_context` and `construct_requests` of its `api/task.py`, 0.4.13)."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainables.recipe.likelihood import Likelihood, fields_of

Row = Mapping[str, Any]
BEFORE_ANSWER = " "
BETWEEN_SHOTS = "\n\n"


@dataclass(frozen=True)
class Asked:
    """A question as a language model gets it."""

    head: str
    """What stands before its shots."""
    shots: tuple[str, ...]
    """Each with its answer, and with what parts it from the next."""
    question: str
    answers: tuple[str, ...]
    """Without the blank before them: their characters and bytes are what scores are divided by."""

    @property
    def context(self) -> str:
        """All that stands before an answer."""
        return self.behind(len(self.shots))

    def behind(self, shots: int) -> str:
        """The same with the first `shots` of its shots alone."""
        return self.head + "".join(self.shots[:shots]) + self.question

    @property
    def continuations(self) -> tuple[str, ...]:
        """What is scored: each answer with the blank before it."""
        return tuple(BEFORE_ANSWER + answer for answer in self.answers)


def asked(row: Row, shots: Sequence[Row], way: Likelihood) -> Asked:
    """A row as it is asked behind `shots`. Raises ValueError where it has nothing to be asked or answered with."""
    answers = answers_of(row, way)
    question = _filled(way.question, row)
    if not all(answers):
        raise ValueError(f"its answer {answers.index('')} is empty; there is nothing to be scored")
    return Asked(_filled(way.description, row), tuple(_shown(shot, way) for shot in shots), question, answers)


def shots_of(row: Row, rows: Sequence[Row], way: Likelihood) -> list[Row]:
    """The first rows that may stand before `row`: of its subject where it has one, and never the row itself.

    Raises ValueError where there are fewer than `Likelihood.shots`.
    """
    wanted = way.shots or 0
    found = [one for one in rows if one["subject"] == row["subject"] and not _same(one, row)][:wanted]
    if len(found) < wanted:
        about = f' about "{row["subject"]}"' if row["subject"] else ""
        raise ValueError(f"there are {len(found)} rows{about} to stand before it, and shots is {wanted}; give fewer")
    return found


def _shown(row: Row, way: Likelihood) -> str:
    return _filled(way.question, row) + BEFORE_ANSWER + answers_of(row, way)[int(row["label"])] + BETWEEN_SHOTS


def _same(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in ("prompt", "choices"))


def answers_of(row: Row, way: Likelihood) -> tuple[str, ...]:
    """What is scored of a row, for each choice. Raises ValueError where it has no such texts."""
    choices = row["choices"]
    if way.answers == "letters":
        return _letters(len(choices))
    if "query" not in fields_of(way.question):
        return tuple(choices)
    if len(row["endings"]) != len(choices):
        raise ValueError(f"{len(row['endings'])} endings for {len(choices)} choices; {{query}} needs one for each")
    return tuple(row["endings"])


def _filled(template: str, row: Row) -> str:
    if "query" in fields_of(template) and not row["query"]:
        raise ValueError("its query is empty, which the template names; write it, or ask by {prompt}")
    return template.format(
        prompt=row["prompt"].strip(),
        query=row["query"],
        subject=row["subject"].replace("_", " "),
        choices="\n".join(
            f"{letter}. {choice}" for letter, choice in zip(_letters(len(row["choices"])), row["choices"], strict=True)
        ),
    )


def _letters(count: int) -> tuple[str, ...]:
    if count > len(string.ascii_uppercase):
        raise ValueError(f"{count} choices, and there are {len(string.ascii_uppercase)} letters; score their texts")
    return tuple(string.ascii_uppercase[:count])
