"""Weighted sums of scores, and how sure they are: what every answer of a report is made of.

A difference of two cells, a mean over languages, the slope of a line through models of several sizes, the part of a gap
that an intermediate closes: each is a sum of scores with weights (or a quotient of two such sums). Its value is taken
seed by seed, and again in every resample of the test examples, so that `sweeps.report.statistics` judges all alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeps.report.examples import NoShares, shares_of
from sweeps.report.statistics import Difference, difference, resampled_scores
from sweeps.results.results import Results
from trainables.recipe.recipes import EvaluateRecipe
from trainables.steps import split_counts
from trainables.tasks import get_task

SEED = 20200526
"""Of all resampling: the same store gives the same report."""

Floats = NDArray[np.floating[Any]]


class Part(NamedTuple):
    """A score: of one target in one language, after one intermediate, from one model."""

    model: str
    intermediate: str
    target: str
    language: str


Weights = Mapping[Part, float]
"""A weighted sum of scores."""


def mean_of(sums: Iterable[Weights]) -> dict[Part, float]:
    """The mean of some sums."""
    listed = list(sums)
    return total((one, 1 / len(listed)) for one in listed)


def minus(ours: Weights, theirs: Weights) -> dict[Part, float]:
    """The difference of two sums."""
    return total(((ours, 1.0), (theirs, -1.0)))


def total(sums: Iterable[tuple[Weights, float]]) -> dict[Part, float]:
    """Several sums, each with a factor."""
    found: dict[Part, float] = {}
    for weights, factor in sums:
        for part, weight in weights.items():
            found[part] = found.get(part, 0.0) + factor * weight
    return found


@dataclass(frozen=True)
class Runs:
    """A sum of scores in each run (runs,), and in resamples of the examples (resamples, runs)."""

    observed: Floats
    resampled: Floats

    @property
    def judged(self) -> Difference:
        """Its mean, and how sure that is."""
        return difference(self.observed, self.resampled)

    def plus(self, other: Runs, factor: float) -> Runs:
        """With another sum of the same runs added."""
        return Runs(self.observed + factor * other.observed, self.resampled + factor * other.resampled)


def quotient(above: Runs, below: Runs) -> Difference | None:
    """Of two sums in the same runs, in percent (`Judge.ratio`)."""
    low, high = below.judged.interval
    if low <= 0 <= high:
        return None
    mean = float(below.observed.mean())
    at = float(above.observed.mean()) / mean
    linear = above.plus(below, -at)
    return difference(100 * (at + linear.observed / mean), 100 * (at + linear.resampled / mean))


class Judge:
    """Takes sums of the scores of a sweep, with what is known of how sure they are."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.cells = {(cell.model, cell.intermediate, cell.target, cell.seed): cell for cell in results.cells}
        self.rows: dict[tuple[str, str, str], int] = {}
        """Test examples by model, target and language."""
        self.remarks: list[str] = []
        """Why a target has no intervals."""
        self._drawn: dict[tuple[str, str, str], dict[str, Floats]] = {}
        self.unpaired: set[str] = set()
        """Perturbed and adversarial targets whose rows have not the ids of the clean ones: they are drawn apart."""
        self._examples: dict[str, int] = {}  # of a target: which examples it has, as the first model has read them

    def read(self, model: str, target: str) -> None:
        """Resample the examples of a target, for all that started from a model."""
        steps = list(
            dict.fromkeys(cell.evaluation for key, cell in self.cells.items() if (key[0], key[2]) == (model, target))
        )
        languages = self.results.languages(target, "xtreme")
        if not steps:
            return
        recipe = self.results.plan.steps[steps[0]].recipe
        assert isinstance(recipe, EvaluateRecipe)
        counts = split_counts(self.results.store, recipe.data)
        self.rows |= {(model, target, one): counts[f"test-{one}"].examples for one in languages}
        try:
            read = {language: shares_of(self.results.store, steps, language) for language in languages}
        except NoShares as reason:
            self.remarks.append(str(reason))
            return
        ids = {language: ids for language, (ids, _) in read.items()}
        drawn = resampled_scores({name: shares for name, (_, shares) in read.items()}, ids, self._rng(target, ids))
        for language, scores in drawn.items():
            self._drawn[model, target, language] = dict(zip(steps, scores.T, strict=True))

    def _rng(self, target: str, ids: Mapping[str, list[str]]) -> np.random.Generator:
        """The same draws for the same examples: of all models, and of a target and what was made of its rows. Others
        have draws of their own, since nothing pairs them."""
        base = get_task(target).clean_of or target
        seeds = [SEED, zlib.crc32(base.encode())]
        unique = dict.fromkeys(one for names in ids.values() for one in names)
        digest = zlib.crc32("\n".join(unique).encode())
        if self._examples.setdefault(base, digest) != digest:
            self.unpaired |= {target} if base != target else set()
            seeds += [digest, zlib.crc32(target.encode())]
        return np.random.default_rng(seeds)

    def scores(self, model: str, intermediate: str, target: str, languages: Iterable[str]) -> dict[Part, float]:
        """A target's mean over some languages."""
        return mean_of({Part(model, intermediate, target, one): 1.0} for one in languages)

    def difference(self, weights: Weights) -> Difference | None:
        """Of a sum, over the runs that differ in a step; None where a part of it is missing or has no interval."""
        found = self.runs([weights])
        return found[0].judged if found else None

    def ratio(self, above: Weights, below: Weights) -> Difference | None:
        """Of a quotient of two sums, in percent; None also where the lower one is not surely other than zero.

        Its error is that of its linear part (delta method), which holds where the lower sum is sure of its sign.
        """
        found = self.runs([above, below])
        return quotient(*found) if found else None

    def runs(self, sums: Sequence[Weights]) -> list[Runs]:
        """Some sums in the same runs; none where a part is missing."""
        seen: dict[tuple[str, ...], list[tuple[float, Floats]]] = {}
        parts = list(dict.fromkeys(part for weights in sums for part in weights))
        for seed in self.results.spec.seeds:
            read = {part: self._read_part(part, seed) for part in parts}
            known = {part: one for part, one in read.items() if one is not None}
            if not known or len(known) < len(read):
                return []
            seen[tuple(step for step, _, _ in known.values())] = [
                (
                    sum(weight * known[part][1] for part, weight in weights.items()),
                    np.sum([weight * known[part][2] for part, weight in weights.items()], axis=0),
                )
                for weights in sums
            ]
        return [
            Runs(np.array([run[i][0] for run in seen.values()]), np.stack([run[i][1] for run in seen.values()], axis=1))
            for i in range(len(sums))
        ]

    def _read_part(self, part: Part, seed: int) -> tuple[str, float, Floats] | None:
        """The evaluation, its score, and its scores in resamples."""
        cell = self.cells.get((part.model, part.intermediate, part.target, seed))
        drawn = self._drawn.get((part.model, part.target, part.language), {})
        value = self.results.score(part.model, part.intermediate, part.target, seed, [part.language], "xtreme")
        if cell is None or value is None or cell.evaluation not in drawn:
            return None
        return cell.evaluation, value, drawn[cell.evaluation]
