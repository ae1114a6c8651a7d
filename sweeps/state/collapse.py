"""What must be said of a cell beside its numbers: that a run behind it has collapsed."""

from __future__ import annotations

from functools import cache

from sweeps.plan.graph import Plan
from trainables.steps import TrainResult
from trainables.store import Store


class CollapseNotes:
    """How the trainings of one sweep have collapsed, as their records say."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan, self._store = plan, store
        self.collapsed = cache(self._collapsed)
        self.collapse_behind = cache(self._collapse_behind)

    def _collapsed(self, step: str) -> str | None:
        """How a done training has collapsed, in a few words; None where it has not."""
        if not self._plan.steps[step].kind.leaves_weights or not self._store.done(step):
            return None
        if self._store.check(step) is not None:  # damaged, and so not done
            return None
        result = TrainResult.of(self._store, step)
        found, best = result.collapsed, result.best
        if found is None:
            return None
        how = f"{found.reason} at step {found.step}"
        if best is None or best["step"] == found.step:
            return how
        # It may have fallen after it had learnt: then what it leaves is sound.
        return f"{how}, scored as it was at step {best['step']:g} (dev {best['value']:.1f})"

    def _collapse_behind(self, evaluation: str) -> str | None:
        """Which training that leads to an evaluation has collapsed, the first of them, and how; None where none has."""
        for step in reversed(self._plan.behind(evaluation)):
            if (how := self.collapsed(step)) is not None:
                return f"{self._plan.steps[step].name}: {how}"
        return None
