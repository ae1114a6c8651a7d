"""Straight lines through the scores of models of several sizes: slope and value are weighted sums of the scores.

The line is fitted by least squares to score against log2 of the parameters, so its slope is in points for each
doubling. Its error is that of the scores (examples and seeds); whether scores lie on a line at all is in no interval,
and with three sizes hardly to be seen: what is left over from the line is given beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sweeps.report.contrasts import Judge, Part, Runs, Weights, total
from sweeps.report.questions.answer import Estimate
from sweeps.report.questions.plots import Band
from sweeps.report.statistics import Difference

GRID = 25
"""Places at which a curve is drawn."""


def slope_factors(parameters: Sequence[float]) -> list[float]:
    """By what the scores are multiplied to sum to the slope, in points for each doubling."""
    x = np.log2(np.asarray(parameters, dtype=float))
    centred = x - x.mean()
    return [float(one) for one in centred / (centred**2).sum()]


def slope(scores: Sequence[Weights], parameters: Sequence[float]) -> dict[Part, float]:
    """The slope as a sum of scores."""
    return total(zip(scores, slope_factors(parameters), strict=True))


def band(judge: Judge, scores: Sequence[Weights], parameters: Sequence[float]) -> tuple[Band, float] | None:
    """The line with its interval, and the largest distance of a score from it, in points."""
    runs = judge.runs(scores)
    if not runs:
        return None
    middle = _sum(runs, [1 / len(runs)] * len(runs))
    steep = _sum(runs, slope_factors(parameters))
    x = np.log2(np.asarray(parameters, dtype=float))
    points = []
    for at in np.linspace(x.min(), x.max(), GRID):
        found = middle.plus(steep, float(at - x.mean())).judged
        points.append((float(2**at), found.value, *found.interval))
    value = [float(run.observed.mean()) for run in runs]
    fitted = middle.observed.mean() + steep.observed.mean() * (x - x.mean())
    return Band(tuple(points)), float(np.abs(np.array(value) - fitted).max())


def over_tasks(values: Sequence[float]) -> Estimate | None:
    """The mean of what single tasks give, with an interval for tasks as a draw of many: Student's t over them.

    None for fewer than two tasks.
    """
    if len(values) < 2:
        return None
    spread = float(np.var(values, ddof=1)) / len(values)
    return Estimate.of(Difference(math.fsum(values) / len(values), len(values), 0.0, spread, 0.0))


def _sum(runs: Sequence[Runs], factors: Sequence[float]) -> Runs:
    found = Runs(np.zeros_like(runs[0].observed), np.zeros_like(runs[0].resampled))
    for run, factor in zip(runs, factors, strict=True):
        found = found.plus(run, factor)
    return found
