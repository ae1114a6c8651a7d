"""The searcher: hands Tune one step after another, as a `Schedule` releases them. One trial is one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from .plan import Step
from .schedule import Schedule


class PlanSearcher(Searcher):
    """A Tune search algorithm over a graph: None while nothing is ready, the end when everything has been started."""

    def __init__(self, schedule: Schedule, config: Callable[[Step], dict[str, Any]]) -> None:
        super().__init__(metric="state", mode="max")
        self.schedule, self._config = schedule, config
        self._steps: dict[str, str] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The trial's configuration, None ("not now"), or FINISHED."""
        if self.schedule.over:
            return Searcher.FINISHED
        step = self.schedule.next()
        if step is None:
            return None
        self._steps[trial_id] = step.id
        return self._config(step)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Book the end of a trial; `result` is its last report."""
        step = self._steps.pop(trial_id, None)
        if step is None:
            return
        state = "failed" if error or not result else result.get("state", "failed")
        if state == "stopped":
            self.schedule.release(step)
        else:
            self.schedule.finish(step, ok=state == "done")

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the store says what is done, and running again is resuming."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
