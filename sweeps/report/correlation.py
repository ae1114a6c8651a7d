"""Rank correlation over a handful of intermediates: its strength, how sure it is, and whose it is.

Intermediates are what could have been others, so they are the units; targets and seeds are crossed with them. Ranks are
taken within each target, whose scores have scales of their own, and pooled: Spearman's rho, stratified.

* The p-value is by permutation: the intermediates change places, each with all its targets and seeds, so that what
  targets have in common makes nothing look surer. With up to seven intermediates all orders are tried.
* The interval is by a bootstrap over intermediates and seeds, on Fisher's scale, where its error gets Student's t with
  the degrees of freedom that so few units have, and is no smaller than if all points were independent. It holds the
  truth at least as often as stated; the percentiles of so few units hold it less often where rho is large.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sweeps.report.statistics import LEVEL

ORDERS = 2000
"""Random orders, where there are too many to try all."""
ALL_ORDERS = 7
"""Intermediates of which all orders are tried."""
RESAMPLES = 300
LEAST = 4
"""Intermediates, at the least: three have six orders, and no p-value below 1 in 3."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho, pooled within targets."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, by permutation."""
    without: tuple[float, ...]
    """Without each intermediate."""
    needed: float | None
    """The smallest size of rho that such points could show at 5 %, from the same permutations; None: no size could."""


def correlation(x: Floats, y: Floats, rng: np.random.Generator) -> Correlation:
    """Of two quantities of intermediates and targets.

    Args:
        x: (intermediates, targets), such as similarities.
        y: (seeds, intermediates, targets), such as drops; of seeds the mean.
        rng: of orders and resamples.

    Raises ValueError for fewer than LEAST intermediates.
    """
    units = x.shape[0]
    if units < LEAST:
        raise ValueError(f"{units} intermediates; a rank correlation needs {LEAST}")
    mean = y.mean(0)
    value = float(pooled(x, mean))
    drawn = np.abs(_related(ranks(x)[None], ranks(mean)[orders(units, rng)]))
    p = float((drawn >= abs(value) - 1e-9).mean())
    without = tuple(float(pooled(np.delete(x, i, 0), np.delete(mean, i, 0))) for i in range(units))
    return Correlation(value, *interval(x, y, value, rng), p, without, _needed(drawn))


def _needed(drawn: Floats) -> float | None:
    """The smallest size that at most LEVEL of the permutations reach."""
    sizes = np.unique(np.round(drawn, 9))
    rare = sizes[np.array([(drawn >= size - 1e-9).mean() for size in sizes]) <= LEVEL]
    return float(rare[0]) if len(rare) else None


def pooled(x: Floats, y: Floats) -> Floats:
    """Spearman's rho of the last two axes (intermediates, targets): ranks within a target, pooled over targets; 0 where
    either does not vary."""
    return _related(ranks(x), ranks(y))


def _related(a: Floats, b: Floats) -> Floats:
    over = (a * b).sum((-2, -1))
    under = np.sqrt((a**2).sum((-2, -1)) * (b**2).sum((-2, -1)))
    return np.asarray(np.divide(over, under, out=np.zeros_like(over), where=under > 1e-12))


def ranks(values: Floats) -> Floats:
    """Ranks along the last axis but one, from the middle; ties share theirs."""
    below = values[..., :, None, :] > values[..., None, :, :]
    above = values[..., :, None, :] < values[..., None, :, :]
    return np.asarray((below.sum(-2) - above.sum(-2)) / 2.0)


def orders(units: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Orders of some units (orders, units), the one that they are in among them."""
    if units <= ALL_ORDERS:
        return np.array(list(itertools.permutations(range(units))))
    drawn = rng.permuted(np.tile(np.arange(units), (ORDERS, 1)), axis=1)
    drawn[0] = np.arange(units)
    return drawn


def interval(x: Floats, y: Floats, value: float, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a rho (module's docstring)."""
    seeds, units, targets = y.shape
    which = rng.integers(0, units, (RESAMPLES, units))
    of_seeds = rng.integers(0, seeds, (RESAMPLES, seeds))
    weights = np.stack([(of_seeds == seed).sum(1) for seed in range(seeds)], axis=1) / seeds
    mean = np.tensordot(weights, y, 1)
    drawn = pooled(x[which], np.take_along_axis(mean, which[:, :, None], 1))
    error = max(float(fisher(drawn, units).std(ddof=1)), 1 / math.sqrt(max(1, units * targets - 3)))
    half = float(stdtrit(units - 1, 1 - LEVEL / 2)) * error
    middle = float(fisher(np.array(value), units))
    return min(value, math.tanh(middle - half)), max(value, math.tanh(middle + half))


def fisher(rho: Floats, units: int) -> Floats:
    """On Fisher's scale; a perfect correlation of so few as the largest that is not."""
    most = 1 - 1 / units**2
    return np.asarray(np.arctanh(np.clip(rho, -most, most)))
