"""Which cells tell most for their price.

A cell that is run tells two things. It may change which intermediate is taken for a target: what it is expected to
spare of the regret (the best entry's score minus that of the entry that would be taken) is the knowledge gradient of
Frazier et al. 2009 (INFORMS Journal on Computing 21:4). And it makes the table surer: by how much the variance of all
entries falls. Both follow from the covariance that is left, before the cell is run. Cells are chosen one after the
other, the most for its price first, until the budget is spent; each choice changes what the others would tell, and what
they cost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats.qmc import Sobol

from sweeps.plan.graph import Cell
from sweeps.suggest.effects import Fitted, Floats
from sweeps.suggest.prices import Prices
from sweeps.suggest.table import Scores

Aim = Literal["regret", "uncertainty"]
DRAWS = 256
"""Outcomes of a cell that are thought through, and as many that mirror them: the same ones for every cell."""
TIE = 1e-9
"""Points: what is expected to be spared is taken for none below that, and the cells are compared by the other aim."""


@dataclass(frozen=True)
class Suggestion:
    """A cell to be run, behind those before it.

    Attributes:
        steps: that it needs and that neither the store nor the suggestions before it have.
        hours: of these.
        regret: points that it is expected to spare, over all targets together.
        uncertainty: the share of what is unsure in the table (variance of its entries) that it takes away.
        expected, low, high: its score as it is predicted, with a 90 % interval.
    """

    cell: Cell
    steps: tuple[str, ...]
    hours: float
    regret: float
    uncertainty: float
    expected: float
    low: float
    high: float


class TooLittle(ValueError):
    """The budget is below every cell; the message names the cheapest."""


class Chooser:
    """Chooses cells one after the other.

    Args:
        had: steps that are done.
        half_widths: of each cell's interval, in points.
    """

    def __init__(
        self, scores: Scores, fitted: Fitted, prices: Prices, had: Collection[str], half_widths: Floats, aim: Aim
    ) -> None:
        self._scores, self._prices, self._had, self._aim = scores, prices, set(had), aim
        self._half_widths = half_widths
        self._left = fitted.remaining.copy()
        self._predicted = fitted.predicted
        self._means = scores.average @ fitted.predicted
        self._total = float(np.trace(scores.average @ self._left @ scores.average.T)) or 1.0
        even = Sobol(int(np.bincount(scores.owner).max()), scramble=False).random(DRAWS)
        normal = ndtri(np.clip(even, 0.5 / DRAWS, 1 - 0.5 / DRAWS))
        self._draws = np.concatenate([normal, -normal])  # so that their mean is 0: who cannot win spares nothing
        groups: dict[tuple[str, str], list[int]] = {}
        for row, (model, _, target) in enumerate(scores.places):
            groups.setdefault((model, target), []).append(row)
        self._groups = [np.array(rows) for rows in groups.values()]

    def choose(self, budget: float) -> list[Suggestion]:
        """Cells for at most so many device-hours.

        Raises:
            TooLittle: there is none for so little.
        """
        left = [number for number in np.flatnonzero(~self._scores.done) if self._needed(int(number))]
        found: list[Suggestion] = []
        told = {int(number): self._tells(int(number)) for number in left}
        stale: set[int] = set()
        while told:
            steps = {number: self._needed(number) for number in told}
            for number in [number for number, of in steps.items() if not of]:  # it has the scores of one that is chosen
                self._know(number)
                del told[number], steps[number]
            hours = {number: self._prices.hours(of) for number, of in steps.items()}
            within = [number for number in told if hours[number] <= budget]
            if not within:
                break
            best = max(within, key=lambda number: self._worth(told[number], hours[number]))
            if best in stale:  # what it would tell beside what was chosen since
                told[best] = self._tells(best)
                stale.discard(best)
                continue
            regret, reduction = told.pop(best)
            found.append(self._suggestion(best, steps[best], hours[best], regret, reduction))
            self._know(best)
            self._had |= steps[best]
            budget -= hours[best]
            stale = set(told)
        if not found and left:
            cheapest = min(
                (int(number) for number in left), key=lambda number: self._prices.hours(self._needed(number))
            )
            cell, hours_of = self._scores.cells[cheapest], self._prices.hours(self._needed(cheapest))
            raise TooLittle(
                f"--budget {budget:g}: the cheapest cell that is left, {cell.intermediate} -> {cell.target} · seed "
                f"{cell.seed}, takes {hours_of:.3g} {self._prices.unit}; give that or more"
            )
        return found

    def _needed(self, number: int) -> frozenset[str]:
        return self._prices.needed(self._scores.cells[number]) - self._had

    def _worth(self, told: tuple[float, float], hours: float) -> tuple[float, float]:
        first, second = told if self._aim == "regret" else told[::-1]
        price = max(hours, 1e-9)
        return (first / price if first > TIE else 0.0), second / price

    def _gain(self, number: int) -> Floats:
        """(places, scores of the cell): how the entries follow what the cell turns out to be, in standard draws."""
        own = np.flatnonzero(self._scores.owner == number)
        across = self._scores.average @ self._left[:, own]
        values, vectors = np.linalg.eigh(self._left[np.ix_(own, own)])
        kept = values > max(float(values.max()), 0.0) * 1e-10
        gain: Floats = across @ (vectors[:, kept] / np.sqrt(values[kept]))
        return gain

    def _tells(self, number: int) -> tuple[float, float]:
        """Expected regret that a cell spares, in points; the variance of entries that it takes away."""
        gain = self._gain(number)
        outcomes = self._means + self._draws[:, : gain.shape[1]] @ gain.T
        spared = sum(float(outcomes[:, rows].max(1).mean() - self._means[rows].max()) for rows in self._groups)
        return max(spared, 0.0), float((gain**2).sum())

    def _know(self, number: int) -> None:
        """Take a cell for known: what is left unsure no longer depends on how it turns out."""
        own = np.flatnonzero(self._scores.owner == number)
        across = self._left[:, own]
        self._left -= across @ np.linalg.pinv(self._left[np.ix_(own, own)], hermitian=True) @ across.T
        self._left[own], self._left[:, own] = 0.0, 0.0

    def _suggestion(
        self, number: int, steps: frozenset[str], hours: float, regret: float, reduction: float
    ) -> Suggestion:
        expected = float(self._predicted[self._scores.owner == number].mean())
        half = float(self._half_widths[number])
        return Suggestion(
            self._scores.cells[number],
            self._prices.in_order(steps),
            hours,
            regret,
            reduction / self._total,
            expected,
            expected - half,
            expected + half,
        )
