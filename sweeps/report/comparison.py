"""Two sweeps side by side: their cells in common, how sure differences are, and in what their recipes differ.

A difference is judged as those of a report are (`sweeps.report.statistics`): by resampling the test examples, the same
for both sides, and by the spread over the seeds that both have. Where the two were not evaluated on the same examples
nothing pairs them, so no interval is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sweeps.plan.graph import Cell, Plan
from sweeps.report.contrasts import SEED
from sweeps.report.examples import NoShares, shares_of
from sweeps.report.statistics import Difference, difference, holm, resampled_scores
from sweeps.results.results import Average, Results
from sweeps.state.sweep import Sweep
from trainables.metrics.by_example import Shares
from trainables.recipe.model_source import ModelSource
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, Recipe
from trainables.tasks.files.use import use_task_files

Key = tuple[str, str, str, int]
"""Model, intermediate, target and seed of a cell."""
DATA = "data"


class NothingInCommon(ValueError):
    """No cell is done in both sweeps; the message says what each has."""


@dataclass(frozen=True)
class Compared:
    """An entry of the table that both sweeps have.

    Attributes:
        ours, theirs: means over the languages and seeds in common, in points.
        seeds: in common.
        same: whether both are of the very same steps.
        found: theirs minus ours; None where there is no interval, and `why` says why.
        adjusted: the p-value by Holm over the table.
    """

    model: str
    intermediate: str
    target: str
    ours: float
    theirs: float
    seeds: int
    languages: tuple[str, ...]
    same: bool
    found: Difference | None = None
    why: str = ""
    adjusted: float | None = None


@dataclass(frozen=True)
class Change:
    """A field in which recipes differ.

    Attributes:
        what: whose recipe: of a training, of its data, of an evaluation.
        field: dotted.
        ours, theirs: its values; empty where a side has no such field.
        entries: of how many.
    """

    what: str
    field: str
    ours: str
    theirs: str
    entries: int


@dataclass(frozen=True)
class Comparison:
    """What two sweeps have in common, and what not."""

    entries: tuple[Compared, ...]
    changes: tuple[Change, ...]
    alone: tuple[int, int]
    """Cells that are done in one of them only."""


class _Side:
    """One of the two. What it reads is read while the tasks of its own files are known."""

    def __init__(self, sweep: Sweep, average: Average) -> None:
        use_task_files(sweep.spec.tasks)
        self.sweep, self.results = sweep, Results(sweep)
        self.cells: dict[Key, Cell] = {(c.model, c.intermediate, c.target, c.seed): c for c in self.results.cells}
        targets = dict.fromkeys(cell.target for cell in self.cells.values())
        self.languages = {target: self.results.languages(target, average) for target in targets}
        self.scores: dict[tuple[str, str], float] = {}
        """By evaluation and language."""
        self.examples: dict[tuple[str, str], tuple[list[str], Shares] | None] = {}
        """The same; None: its score is no sum over examples."""

    def read(self, keys: Iterable[tuple[Key, tuple[str, ...]]]) -> None:
        """Read the scores of some cells in some languages, and what each example adds to them."""
        use_task_files(self.sweep.spec.tasks)
        for key, languages in keys:
            step = self.cells[key].evaluation
            for language in languages:
                if (step, language) in self.scores:
                    continue
                score = self.results.score(*key, [language], "xtreme")
                assert score is not None
                self.scores[step, language] = score
                try:
                    ids, shares = shares_of(self.sweep.store, [step], language)
                    self.examples[step, language] = (ids, shares[0])
                except NoShares:
                    self.examples[step, language] = None

    def rows(self, step: str, language: str) -> tuple[Any, ...]:
        """Which test rows an evaluation has scored."""
        recipe = self.sweep.plan.steps[step].recipe
        assert isinstance(recipe, EvaluateRecipe)
        data = self.sweep.plan.steps[recipe.data].recipe
        assert isinstance(data, DataRecipe)
        return next(
            (r.revision, r.limit, r.stands_in, r.perturbation) for r in data.rows if r.name == f"test-{language}"
        )


def compare(ours: Sweep, theirs: Sweep, average: Average = "zero-shot") -> Comparison:
    """Two sweeps, each as far as it is done. Models go by name; two that have one model each are compared with it.

    Raises:
        NothingInCommon: there is no cell that is done in both.
    """
    left, right = _Side(ours, average), _Side(theirs, average)
    named = _models(left, right)
    pairs: dict[tuple[str, str, str], list[tuple[Key, Key]]] = {}
    for key in left.cells:
        other = (named.get(key[0], ""), *key[1:])
        if other in right.cells:
            pairs.setdefault(key[:3], []).append((key, other))
    common = {
        entry: tuple(one for one in left.languages[entry[2]] if one in right.languages[entry[2]]) for entry in pairs
    }
    pairs = {entry: keys for entry, keys in pairs.items() if common[entry]}
    if not pairs:
        has = " and ".join(f"{side.sweep.name} has {len(side.cells)} cells done" for side in (left, right))
        raise NothingInCommon(f"no cell is done in both sweeps, by model, intermediate, target and seed; {has}")
    for side, place in ((left, 0), (right, 1)):
        side.read((keys[place], common[entry]) for entry, several in pairs.items() for keys in several)
    entries = [_compared(entry, keys, common[entry], left, right) for entry, keys in pairs.items()]
    judged = [one for one in entries if one.found is not None]
    adjusted = dict(zip(map(id, judged), holm([one.found.p for one in judged if one.found]), strict=True))
    count = sum(map(len, pairs.values()))
    return Comparison(
        tuple(replace(one, adjusted=adjusted.get(id(one))) for one in entries),
        tuple(_changes(left, right, [keys[0] for keys in pairs.values()])),
        (len(left.cells) - count, len(right.cells) - count),
    )


def _models(left: _Side, right: _Side) -> dict[str, str]:
    ours, theirs = (dict.fromkeys(key[0] for key in side.cells) for side in (left, right))
    if len(ours) == len(theirs) == 1:
        return dict(zip(ours, theirs, strict=True))
    return {name: name for name in ours if name in theirs}


def _compared(
    entry: tuple[str, str, str], keys: list[tuple[Key, Key]], languages: tuple[str, ...], left: _Side, right: _Side
) -> Compared:
    # Where no seed has a part in a cell, its runs are one run.
    runs = dict.fromkeys((left.cells[one].evaluation, right.cells[other].evaluation) for one, other in keys)
    means = np.array([[_mean(left, a, languages), _mean(right, b, languages)] for a, b in runs])
    same = all(a == b for a, b in runs)
    mine, others = (float(one) for one in means.mean(0))
    found = Compared(*entry, mine, others, len(keys), languages, same)
    if same:
        return found
    if other := [one for one in languages if any(left.rows(a, one) != right.rows(b, one) for a, b in runs)]:
        return replace(found, why=f"other test rows in {' '.join(other)}")
    read = {one: [(left.examples[a, one], right.examples[b, one]) for a, b in runs] for one in languages}
    shares: dict[str, list[Shares]] = {}
    ids: dict[str, list[str]] = {}
    for language, several in read.items():
        sides = [side for pair in zip(*several, strict=True) for side in pair]
        known = [side for side in sides if side is not None]
        if len(known) < len(sides):
            return replace(found, why="its score is no sum over examples")
        ids[language] = known[0][0]
        shares[language] = [one for _, one in known]
    drawn = resampled_scores(shares, ids, np.random.default_rng(SEED))
    resampled = np.mean([scores[:, len(runs) :] - scores[:, : len(runs)] for scores in drawn.values()], axis=0)
    return replace(found, found=difference(means[:, 1] - means[:, 0], resampled))


def _mean(side: _Side, step: str, languages: tuple[str, ...]) -> float:
    return float(np.mean([side.scores[step, language] for language in languages]))


# --- recipes -----------------------------------------------------------------------------------------------------


def _changes(left: _Side, right: _Side, pairs: list[tuple[Key, Key]]) -> Iterator[Change]:
    """The fields in which recipes differ, and of how many entries (each by its first seed)."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for one, other in pairs:
        ours = dict(_recipes(left.sweep.plan, left.cells[one].evaluation))
        theirs = dict(_recipes(right.sweep.plan, right.cells[other].evaluation))
        for what in dict.fromkeys([*ours, *theirs]):
            sides = (ours.get(what, {}), theirs.get(what, {}))
            for name in dict.fromkeys([*sides[0], *sides[1]]):
                values = [side.get(name, "") for side in sides]
                if values[0] != values[1]:
                    key = (what, name, values[0], values[1])
                    counts[key] = counts.get(key, 0) + 1
    return (Change(*key, entries) for key, entries in counts.items())


def _recipes(plan: Plan, evaluation: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The recipes that lead to an evaluation, each under what it is: from the evaluation back to the first training."""
    recipe = plan.steps[evaluation].recipe
    yield "evaluation", _fields(recipe, plan)
    for data in recipe.data_steps:
        yield "evaluation's data", _fields(plan.steps[data].recipe, plan)
    start: ModelSource | None = recipe.starts_from
    for number, step in enumerate(plan.behind(evaluation)):
        training = plan.steps[step].recipe
        name = "last training" if not number else f"training {number} before it"
        yield name, _fields(training, plan)
        for place, data in enumerate(training.data_steps):
            of = f"{DATA} {place + 1}" if len(training.data_steps) > 1 else DATA
            yield f"{name}'s {of}", _fields(plan.steps[data].recipe, plan)
        start = training.starts_from
    said = start.model_dump(mode="json") if start is not None else {}
    yield "starting model", {name: value for name, value in _flat("", said) if value not in plan.steps}


def _fields(recipe: Recipe, plan: Plan) -> dict[str, str]:
    """A recipe as dotted fields, without the keys of other steps, whose own recipes are compared, and without where a
    training starts, which the first of them says."""
    said = {"version": recipe.version, **recipe.model_dump(mode="json", exclude_none=True, exclude={"start", "model"})}
    return {name: value for name, value in _flat("", said) if value not in plan.steps}


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, item)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for place, item in enumerate(value):
            yield from _flat(f"{prefix}[{place}]", item)
    elif isinstance(value, list):
        yield prefix, ", ".join(map(str, value))
    else:
        yield prefix, str(value)
