"""Intervals that cover as often as they say, by conformal prediction on cells that are done and are hidden.

Every entry of the table that is done is hidden once, all its seeds together, and predicted from the others; so is each
single seed of an entry that has several. The error over the model's own standard deviation is a score of how far off it
was; an interval is as many of its own deviations wide as the right quantile of these scores (Vovk et al. 2005; with
hidden cells one after the other: the jackknife of Barber et al. 2021, arXiv 1905.02928, whose guarantee is for new
cells that are drawn like the done ones). The variances of the model are not fitted anew for each hidden cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.suggest.effects import Fitted
from sweeps.suggest.table import Scores, place_of

LEVEL = 0.9
"""Of the intervals."""
NORMAL = 1.645
"""Deviations of a 90 % interval of a normal distribution: what is shown where there are too few hidden cells."""


@dataclass(frozen=True)
class Calibration:
    """What hiding done cells has shown.

    Attributes:
        entry: deviations of an interval of an entry of which no seed is done; None: too few were hidden.
        seed: the same where another seed of the entry is done.
        hidden: entries that were hidden.
        error: mean absolute error of hidden entries, in points; None where there was none.
    """

    entry: float | None
    seed: float | None
    hidden: int
    error: float | None

    def deviations(self, another_seed: bool) -> float:
        """How many of its own deviations an interval is wide, to each side."""
        found = self.seed if another_seed and self.seed is not None else self.entry
        return NORMAL if found is None else found


def calibrate(scores: Scores, fitted: Fitted) -> Calibration:
    """Hide what is done, and see how far predictions are off."""
    done = np.flatnonzero(scores.done)
    of_cell = {int(cell): np.flatnonzero(scores.owner == cell) for cell in done}
    entries: dict[object, list[int]] = {}
    for cell in of_cell:
        entries.setdefault(place_of(scores.cells[cell]), []).append(cell)
    if len(entries) < 2:
        return Calibration(None, None, 0, None)
    whole = [np.concatenate([of_cell[cell] for cell in cells]) for cells in entries.values()]
    single = [of_cell[cell] for cells in entries.values() if len(cells) > 1 for cell in cells]
    of_entries, errors = _scores(fitted, whole)
    of_seeds, _ = _scores(fitted, single)
    return Calibration(quantile(of_entries), quantile(of_seeds), len(whole), float(np.mean(errors)))


def _scores(fitted: Fitted, groups: Sequence[NDArray[np.integer[Any]]]) -> tuple[list[float], list[float]]:
    """Of each hidden group the error of its mean, over its deviation; and the error itself."""
    found, errors = [], []
    for group, (expected, covariance) in zip(groups, fitted.hidden(groups), strict=True):
        error = abs(float(fitted.values[group].mean() - expected.mean()))
        errors.append(error)
        found.append(error / math.sqrt(max(float(covariance.mean()), 1e-12)))
    return found, errors


def quantile(scores: Sequence[float], level: float = LEVEL) -> float | None:
    """The score that a new one exceeds with a chance of at most 1 - `level`; None where there are too few to say."""
    rank = math.ceil((len(scores) + 1) * level)
    return sorted(scores)[rank - 1] if 0 < rank <= len(scores) else None
