"""The cells of a sweep as the scores that they have or will have, and what these scores may have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweeps.cost.flops import context_of
from sweeps.plan.graph import Cell, Plan
from sweeps.results.results import Results
from sweeps.results.similarity import DISTANCES, FITS, similarities
from sweeps.suggest.effects import LEVEL, Effects, Floats
from trainables.recipe.recipes import TrainRecipe
from trainables.steps import TrainResult
from trainables.tasks import get_task
from trainables.tasks.language_facts import LANGUAGES

Objective = Literal["dev", "zero-shot"]
"""What a cell's score is: of its English dev rows, or the mean over the languages that were not trained on."""
MOST = 1200
"""Scores in all, up to which each language of a cell is one; beyond it a cell has one score, their mean."""
MEAN = "mean"
"""The language of a score that is the mean over languages."""

Place = tuple[str, str, str]
"""Model, intermediate and target: an entry of the table, whose cells are its seeds."""


@dataclass(frozen=True)
class Scores:
    """All scores of a sweep's cells, done or not.

    Attributes:
        cells: of the grid that have or will have a score.
        owner: (scores,) the place of each score's cell among these.
        language: of each score.
        values: (scores,) NaN where it is not known.
    """

    cells: tuple[Cell, ...]
    owner: NDArray[np.integer[Any]]
    language: tuple[str, ...]
    values: Floats

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which scores are known."""
        known: NDArray[np.bool_] = ~np.isnan(self.values)
        return known

    def without(self, cells: Iterable[int]) -> Scores:
        """The same, with the scores of some cells hidden."""
        values = np.where(np.isin(self.owner, list(cells)), np.nan, self.values)
        return Scores(self.cells, self.owner, self.language, values)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The entries of the table, in the order of the grid."""
        return tuple(dict.fromkeys(place_of(cell) for cell in self.cells))

    @cached_property
    def average(self) -> Floats:
        """(places, scores): the weights with which an entry is the mean of its scores: over languages, then seeds."""
        number = {place: row for row, place in enumerate(self.places)}
        found = np.zeros((len(self.places), len(self.owner)))
        rows = np.array([number[place_of(self.cells[one])] for one in self.owner], dtype=int)
        found[rows, np.arange(len(rows))] = 1.0
        averaged: Floats = found / found.sum(1, keepdims=True)
        return averaged

    @cached_property
    def done(self) -> NDArray[np.bool_]:
        """(cells,) whether a cell's scores are known."""
        known = np.zeros(len(self.cells), dtype=bool)
        known[self.owner[self.seen]] = True
        return known


def place_of(cell: Cell) -> Place:
    """The entry of the table that a cell is a seed of."""
    return cell.model, cell.intermediate, cell.target


def scores_of(results: Results, by: Objective) -> Scores:
    """The scores of a sweep's cells, but of those that a selection has stopped. By dev, targets that are not trained
    have none."""
    plan, store = results.plan, results.store
    # What a selection has stopped is not run again.
    left = (cell for cell in plan.cells if not results.stopped_in(cell))
    cells = tuple(cell for cell in left if by == "zero-shot" or cell.variants[0].training is not None)
    done = {(cell.model, cell.intermediate, cell.target, cell.seed): cell for cell in results.cells}
    languages: dict[str, Sequence[str]] = {}
    for target in dict.fromkeys(cell.target for cell in cells):
        scored = results.languages(target, "zero-shot") if by == "zero-shot" else ()
        languages[target] = scored or (MEAN,)
    if sum(len(languages[cell.target]) for cell in cells) > MOST:
        languages = dict.fromkeys(languages, (MEAN,))
    owner, names, values = [], [], []
    for number, cell in enumerate(cells):
        found = done.get((cell.model, cell.intermediate, cell.target, cell.seed))
        for language in languages[cell.target]:
            owner.append(number)
            names.append(language)
            score: float | None = None
            if found is not None and by == "dev":
                best = TrainResult.of(store, found.variants[0].training or "").best
                score = float(best["value"]) if best is not None else None
            elif found is not None:
                over = None if language == MEAN else [language]
                score = results.score(*place_of(cell), cell.seed, over, "zero-shot")
            values.append(math.nan if score is None else score)
    return Scores(cells, np.array(owner, dtype=int), tuple(names), np.array(values, dtype=float))


def effects_of(scores: Scores, features: dict[str, Floats]) -> Effects:
    """The effects that the scores of a sweep may share, each partition of the scores once."""
    types = {target: get_task(target).type for target in {cell.target for cell in scores.cells}}
    keys: dict[str, Callable[[Cell, str], tuple[Any, ...]]] = {
        f"{LEVEL} of a target and language": lambda c, lang: (c.target, lang),
        f"{LEVEL} of a model": lambda c, lang: (c.model,),
        f"{LEVEL} of a model on a target": lambda c, lang: (c.model, c.target, lang),
        "intermediate": lambda c, lang: (c.intermediate,),
        "intermediate of a model": lambda c, lang: (c.model, c.intermediate),
        "intermediate on a type of task": lambda c, lang: (c.intermediate, types[c.target]),
        "intermediate on a target": lambda c, lang: (c.intermediate, c.target),
        "intermediate on a language": lambda c, lang: (c.intermediate, lang),
        "intermediate on a family of languages": lambda c, lang: (c.intermediate, _family(lang)),
        "entry": lambda c, lang: place_of(c),
        "run of an intermediate": lambda c, lang: (c.model, c.intermediate, c.seed),
        "run": lambda c, lang: (*place_of(c), c.seed),
    }
    groups: dict[str, NDArray[np.integer[Any]]] = {}
    seen: set[bytes] = set()
    count = len(scores.owner)
    for name, key in keys.items():
        numbers: dict[tuple[Any, ...], int] = {}
        pairs = zip(scores.owner, scores.language, strict=True)
        of = np.array(
            [numbers.setdefault(key(scores.cells[one], lang), len(numbers)) for one, lang in pairs], dtype=int
        )
        # One group is the mean, as many as there are scores is the noise.
        if 1 < len(numbers) < count and of.tobytes() not in seen:
            groups[name] = of
            seen.add(of.tobytes())
    return Effects(groups or {"mean": np.zeros(count, dtype=int)}, features)


def _family(language: str) -> str:
    known = LANGUAGES.get(language)
    return known.family if known is not None else language


def features_of(scores: Scores, results: Results) -> dict[str, Floats]:
    """What is known of a cell before it is run, as columns of mean 0 and deviation 1: similarities of data, fits of
    checkpoints (within a target, since they are not comparable between targets), rows of the intermediate, whether it
    has the target's own task, or its type."""
    plan, store = results.plan, results.store
    cells = [scores.cells[one] for one in scores.owner]
    columns: dict[str, Floats] = {}
    measured: dict[str, dict[tuple[str, str, str, int | None], float]] = {}
    for one in similarities(plan, store):
        sign = -1.0 if one.measure in DISTANCES else 1.0
        measured.setdefault(one.measure, {})[one.model, one.intermediate, one.target, one.seed] = sign * one.value
    for measure, values in measured.items():
        found = [values.get((*place_of(c), c.seed), values.get((*place_of(c), None), math.nan)) for c in cells]
        within = [(c.model, c.target) for c in cells] if measure in FITS else [()] * len(cells)
        columns[measure] = _standardised(np.array(found, dtype=float), within)
    tasks, rows = intermediates_of(plan)
    types = {name: {get_task(task).type for task in of} for name, of in tasks.items()}
    trained_on = {t.task: set(t.trained_on) for t in results.spec.targets}
    everything: list[tuple[Any, ...]] = [()] * len(cells)
    for name, value in {
        "rows of the intermediate": [
            math.log10(rows[c.intermediate]) if rows.get(c.intermediate) else math.nan for c in cells
        ],
        "the target's own task": [float(bool(tasks.get(c.intermediate, set()) & trained_on[c.target])) for c in cells],
        "the target's type of task": [
            float(get_task(c.target).type in types.get(c.intermediate, set())) for c in cells
        ],
    }.items():
        columns[name] = _standardised(np.array(value, dtype=float), everything)
    return {name: column for name, column in columns.items() if column.any()}


def intermediates_of(plan: Plan) -> tuple[dict[str, set[str]], dict[str, float]]:
    """The tasks of each intermediate, and its train rows."""
    context = context_of(plan, None)
    tasks: dict[str, set[str]] = {}
    rows: dict[str, float] = {}
    for step in plan.steps.values():
        for role in step.roles:
            if role.phase == "intermediate" and role.intermediate and isinstance(step.recipe, TrainRecipe):
                parts = [part for part in step.recipe.tasks if part.select is not None]
                tasks[role.intermediate] = {part.task.name for part in parts}
                sizes = (context.size(data, "train").features for part in parts for data in part.data)
                rows[role.intermediate] = sum(sizes)
    return tasks, rows


def _standardised(column: Floats, within: Sequence[tuple[Any, ...]]) -> Floats:
    """A column with mean 0 and deviation 1 (within groups); 0 where nothing is known."""
    found = column.copy()
    numbers: dict[tuple[Any, ...], int] = {}
    of = np.array([numbers.setdefault(one, len(numbers)) for one in within], dtype=int)
    for group in range(len(numbers)):
        inside = (of == group) & ~np.isnan(column)
        if inside.any():
            values = column[inside]
            found[inside] = (values - values.mean()) / (values.std() or 1.0)
    return np.nan_to_num(found)
