"""The field `likelihood` of a sweep file: ways to read multiple choice by the likelihood of its answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import Field

from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen
from trainables.recipe.likelihood import MOST_SHOTS, Template, fields_of
from trainables.recipe.tasks import FIRST_VISIBLE
from trainables.tasks import all_tasks
from trainables.tasks.registry import LIKELIHOOD, Way
from trainables.tasks.task import ShotsIn, Task


class WaySpec(Frozen):
    """One way. What is not given is as the task's own prompt has it."""

    question: Template | None = None
    """The template of the question: `{prompt}`, `{query}`, `{choices}` (each with its letter), `{subject}`."""
    description: Template | None = None
    """The template of what stands before shots and question."""
    answers: Literal["texts", "letters"] | None = None
    """What is scored: the texts of the choices, or their letters."""
    normalise: Literal["none", "characters", "bytes", "subwords"] = "none"
    """By what the log-likelihood of an answer is divided before answers are compared."""
    shots: Annotated[int, Field(strict=True, ge=0, le=MOST_SHOTS)] = 0
    """So many rows with their answers before each question."""
    shots_in: ShotsIn = "english"
    """Whose rows these are: English dev rows, or those of the language that is evaluated."""
    loss: Literal["choices", "answer"] = "choices"
    """In training: the cross-entropy of the right answer among the choices, or language modelling on it alone."""

    @property
    def way(self) -> Way:
        """As the registry of tasks has it."""
        fields = {
            "question": self.question,
            "description": self.description,
            "answers": self.answers,
            "normalise": None if self.normalise == "none" else self.normalise,
            "shots": self.shots or None,
            "loss": "answer" if self.loss == "answer" else None,
        }
        return Way(tuple((name, value) for name, value in fields.items() if value is not None), self.shots_in)


def check_ways(likelihood: Mapping[str, WaySpec], perturbations: Collection[str]) -> list[str]:
    """What is wrong with the names of ways. One line per problem."""
    ways = [("likelihood", name) for name in likelihood] + [("perturbations", name) for name in perturbations]
    if not ways:
        return []
    languages = {language for task in all_tasks() for language in (*task.languages, *task.train_languages)}
    problems = []
    for field, name in ways:
        if name == FIRST_VISIBLE or name in languages:
            what = "the language of that code" if name in languages else "where a tag stands"
            problems.append(f"{field}.{name}: TASK@{name} means {what}; give the way another name")
        elif set(name) & set("@+"):
            problems.append(f'{field}.{name}: {shown(name)} has "@" or "+" in it; give the way another name')
        elif field == "perturbations" and (name in likelihood or name == LIKELIHOOD):
            problems.append(f"{field}.{name}: TASK@{name} is read by likelihood; give the perturbation another name")
    return problems


def check_way(task: Task, where: str) -> list[str]:
    """What is wrong with how a task is read by likelihood. One line per problem."""
    way = task.likelihood
    if way is None:
        return []
    named = fields_of(way.question)
    if way.answers == "letters" and "choices" not in named:
        return [f"{where}: {task.name} scores letters, and its question shows no {{choices}}; add them, or score texts"]
    if way.shots is None and task.shots_in == "own":
        return [f"{where}: {task.name} has shots_in: own and no shots; give shots, or take shots_in out"]
    return []
