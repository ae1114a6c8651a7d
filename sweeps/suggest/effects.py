"""A linear mixed model of scores: every score is a sum of random effects, some of which it shares with others.

An intermediate has an effect on everything, one on each type of task, one on each target and on each language; a
target has a level, a training run a deviation; features (a similarity, LogME) have slopes. As a matrix of intermediates
by targets and languages this is a low-rank part (what an intermediate has in common over columns) with a sparse one.
All effects are normal with a variance of their own for each kind; the variances are those of the largest posterior
density (restricted by weak priors, so that a handful of scores gives no wild ones); predictions are the best linear
unbiased ones (Henderson 1975; Rasmussen & Williams 2006, chapter 2, for the same as a Gaussian process).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

Floats = NDArray[np.floating[Any]]
Booleans = NDArray[np.bool_]
LEVEL = "level"
"""In the names of effects that say how hard a target is, not what an intermediate does to it."""
NOISE = "noise"
LEVEL_SD, EFFECT_SD, NOISE_SD = 12.0, 2.0, 1.0
"""Standard deviations that effects are expected to have, in points, before any score is seen."""
LOG_SD = 1.5
"""How far, in nats of a variance, that may be wrong (one standard deviation)."""


@dataclass(frozen=True)
class Effects:
    """The effects that scores may share.

    Attributes:
        groups: by name of an effect, for each score the number of the one that it has: equal numbers share it.
        features: by name, for each score a number that the effect's slope is multiplied by.
    """

    groups: Mapping[str, NDArray[np.integer[Any]]]
    features: Mapping[str, Floats]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.groups, *self.features, NOISE)

    @cached_property
    def shared(self) -> Floats:
        """(effects, scores, scores): how much of an effect of variance 1 two scores have in common."""
        count = len(next(iter(self.groups.values())))
        parts = [(one[:, None] == one[None, :]).astype(float) for one in self.groups.values()]
        parts += [np.outer(one, one) for one in self.features.values()]
        return np.stack([*parts, np.eye(count)])

    @property
    def expected(self) -> Floats:
        """Log variances before any score is seen."""
        usual = {NOISE: NOISE_SD}
        of = [usual.get(name, LEVEL_SD if LEVEL in name else EFFECT_SD) for name in self.names]
        return 2 * np.log(of)


@dataclass(frozen=True)
class Fitted:
    """A mixed model with its variances.

    Attributes:
        mean: of all scores.
        covariance: (scores, scores) before any is seen.
        seen: which scores are known.
        values: (scores,); those that are not seen are not read.
    """

    mean: float
    covariance: Floats
    seen: Booleans
    values: Floats
    variances: Mapping[str, float]

    @cached_property
    def _factor(self) -> Any:
        return cho_factor(self.covariance[np.ix_(self.seen, self.seen)], lower=True)

    @cached_property
    def predicted(self) -> Floats:
        """(scores,) the expectation of each; what is seen as it was seen."""
        found = np.full(len(self.values), self.mean)
        if self.seen.any():
            weights = cho_solve(self._factor, self.values[self.seen] - self.mean)
            found += self.covariance[:, self.seen] @ weights
        found[self.seen] = self.values[self.seen]
        return found

    @cached_property
    def remaining(self) -> Floats:
        """(scores, scores) the covariance that is left; 0 where a score is seen."""
        found = self.covariance.copy()
        if self.seen.any():
            across = self.covariance[:, self.seen]
            found -= across @ cho_solve(self._factor, across.T)
        found[self.seen] = 0.0
        found[:, self.seen] = 0.0
        return found

    def hidden(self, groups: Sequence[NDArray[np.integer[Any]]]) -> list[tuple[Floats, Floats]]:
        """(expectations, covariance) of scores that are seen, as if those of their group were not.

        Args:
            groups: of each, the places of its scores among all.
        """
        order = np.flatnonzero(self.seen)
        place = {int(one): number for number, one in enumerate(order)}
        inverse = cho_solve(self._factor, np.eye(len(order)))
        weights = inverse @ (self.values[order] - self.mean)
        found = []
        for group in groups:
            inside = [place[int(one)] for one in group]
            covariance = np.linalg.inv(inverse[np.ix_(inside, inside)])
            found.append((self.values[group] - covariance @ weights[inside], covariance))
        return found


def fit(effects: Effects, seen: Booleans, values: Floats) -> Fitted:
    """The model whose variances fit the scores that are seen best; without any, the expected one."""
    start, shared = effects.expected, effects.shared
    mean = float(values[seen].mean()) if seen.any() else 0.0
    logs = start
    if seen.sum() > 1:
        parts, centred = shared[:, seen][:, :, seen], values[seen] - mean

        def loss(logs: Floats) -> tuple[float, Floats]:
            sizes = np.exp(logs)
            factor = cho_factor(np.tensordot(sizes, parts, 1), lower=True)
            inverse = cho_solve(factor, np.eye(len(centred)))
            weights = inverse @ centred
            value = centred @ weights / 2 + np.log(np.diag(factor[0])).sum()
            slopes = sizes * (np.tensordot(parts, inverse - np.outer(weights, weights), 2)) / 2
            off = (logs - start) / LOG_SD
            return value + off @ off / 2, slopes + off / LOG_SD

        bounds = [(one - 12.0, one + 8.0) for one in start]
        logs = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60}).x
    variances = dict(zip(effects.names, np.exp(logs).tolist(), strict=True))
    return Fitted(mean, np.tensordot(np.exp(logs), shared, 1), seen, values, variances)
