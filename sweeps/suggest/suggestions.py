"""What to run next of a sweep: predictions of all cells, how far they can be trusted, and the cells that tell most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sweeps.plan.graph import Plan
from sweeps.results.results import Results
from sweeps.state.inspection import inspect_steps
from sweeps.state.sweep import Sweep
from sweeps.suggest.choice import Aim, Chooser, Suggestion
from sweeps.suggest.effects import Effects, Fitted, Floats, fit
from sweeps.suggest.intervals import Calibration, calibrate
from sweeps.suggest.prices import Prices
from sweeps.suggest.table import Objective, Place, Scores, effects_of, features_of, place_of, scores_of

MOST = 1500
"""Cells of a sweep: the model holds a number for each pair of scores."""


class CannotPredict(ValueError):
    """There is nothing to predict, or more than can be predicted together; the message says what to do."""


@dataclass(frozen=True)
class Predicted:
    """The cells of a sweep, predicted.

    Attributes:
        scores: what is known.
        fitted: the model.
        calibration: what hiding done cells has shown of it.
        left_out: targets that have no score of this kind.
    """

    scores: Scores
    fitted: Fitted
    calibration: Calibration
    left_out: tuple[str, ...]

    @property
    def entries(self) -> dict[Place, float]:
        """What is expected of each entry of the table."""
        return dict(zip(self.scores.places, (self.scores.average @ self.fitted.predicted).tolist(), strict=True))

    def half_widths(self) -> Floats:
        """(cells,) half the width of each cell's 90 % interval; 0 of one that is done."""
        scores = self.scores
        averages = np.zeros((len(scores.cells), len(scores.owner)))
        averages[scores.owner, np.arange(len(scores.owner))] = 1.0
        return self._half_widths(averages / averages.sum(1, keepdims=True), [place_of(cell) for cell in scores.cells])

    def entry_half_widths(self) -> Floats:
        """(entries,) the same of the entries of the table; 0 where all seeds are done."""
        return self._half_widths(self.scores.average, list(self.scores.places))

    def _half_widths(self, averages: Floats, places: list[Place]) -> Floats:
        scores = self.scores
        begun = {place_of(cell) for cell, done in zip(scores.cells, scores.done, strict=True) if done}
        variances = np.einsum("is,st,it->i", averages, self.fitted.remaining, averages, optimize=True)
        deviations = np.array([self.calibration.deviations(place in begun) for place in places])
        found: Floats = np.sqrt(np.maximum(variances, 0.0)) * deviations
        return found


def predicted_from(scores: Scores, effects: Effects, left_out: tuple[str, ...] = ()) -> Predicted:
    """All scores, predicted from those that are seen."""
    fitted = fit(effects, scores.seen, scores.values)
    return Predicted(scores, fitted, calibrate(scores, fitted), left_out)


def predict(results: Results, by: Objective) -> Predicted:
    """Predict the cells of a sweep from those that are done.

    Raises:
        CannotPredict: there are more than `MOST`, or none has a score of this kind.
    """
    if len(results.plan.cells) > MOST:
        raise CannotPredict(
            f"{len(results.plan.cells):,} cells; predictions are of {MOST:,} at most: leave some out with -o"
        )
    scores = scores_of(results, by)
    if not scores.cells:
        raise CannotPredict("no target is trained, so none has a score on dev rows; give --by zero-shot")
    having = {cell.target for cell in scores.cells}
    left_out = dict.fromkeys(cell.target for cell in results.plan.cells if cell.target not in having)
    return predicted_from(scores, effects_of(scores, features_of(scores, results)), tuple(left_out))


def suggest(sweep: Sweep, priced: Plan, by: Objective, aim: Aim, budget: float) -> tuple[Predicted, list[Suggestion]]:
    """The cells of a sweep to be run next, for at most `budget` device-hours; none where nothing is left.

    Args:
        priced: its plan, with the costs of steps on the devices that hours are of.

    Raises:
        CannotPredict, TooLittle: it has too many cells, or none with such a score; the budget is below every one.
    """
    predicted = predict(Results(sweep), by)
    done = inspect_steps(sweep).done
    chooser = Chooser(predicted.scores, predicted.fitted, Prices(priced), done, predicted.half_widths(), aim)
    return predicted, chooser.choose(budget)
