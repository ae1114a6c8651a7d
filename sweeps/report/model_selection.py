"""Which intermediate one would have picked for each target without looking at its test sets.

As the study has it: the intermediate whose checkpoints score best on dev rows of the training language, beside the one
that turned out best on the test sets (the oracle), which nobody can know beforehand.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from sweeps.report.annotations import trainings
from sweeps.report.study import AVERAGES, Score, Study
from sweeps.spec.intermediate import NONE
from sweeps.state.selection import dev_value


@dataclass(frozen=True)
class Choice:
    """An intermediate of a target, with its dev score (mean over seeds) and its test score."""

    intermediate: str
    dev: float | None
    test: Score


@dataclass(frozen=True)
class Selection:
    """Of one target: what dev rows choose, what the test sets would have, and no intermediate."""

    target: str
    trained_on: str
    """Task whose dev rows choose; empty where the target is not trained, so that nothing can be chosen by dev."""
    chosen: Choice | None
    oracle: Choice
    none: Choice

    @property
    def regret(self) -> float | None:
        """Points of test score that choosing on dev costs."""
        chosen, best = self.chosen and self.chosen.test.entry, self.oracle.test.entry
        return best.mean - chosen.mean if chosen and best else None


def selections(study: Study, model: str) -> list[Selection]:
    """Of each target that has a score with some intermediate and with none."""
    found = []
    for target in (name for name in study.targets if name in study.columns[AVERAGES[0]]):
        tasks = next(one.trained_on for one in study.results.spec.targets if one.task == target)
        choices = {}
        for name in study.intermediates:
            score = study.averages[model, AVERAGES[0], name, target]
            if score.entry is not None:
                choices[name] = Choice(name, dev_of(study, score), score)
        none = choices.pop(NONE, None)
        if none is None or not choices:
            continue
        known = [one for one in choices.values() if one.dev is not None]
        chosen = max(known, key=_by(lambda one: one.dev)) if known else None
        oracle = max(choices.values(), key=_by(lambda one: one.test.entry.mean if one.test.entry else None))
        found.append(Selection(target, tasks[-1] if tasks else "", chosen, oracle, none))
    return found


def _by(value: Callable[[Choice], float | None]) -> Callable[[Choice], float]:
    return lambda one: value(one) or 0.0


def dev_of(study: Study, score: Score) -> float | None:
    """Mean over seeds of what picked the checkpoints that were evaluated; None where the target is not trained."""
    results, values = study.results, []
    for cell in score.cells:
        step, phase = next(trainings(results, cell), ("", ""))
        if phase == "target":
            values.append(dev_value(results.store, step))
    # A run that collapsed before it was measured has no dev value, and is no choice.
    return statistics.fmean(values) if values and math.isfinite(sum(values)) else None
