"""The search algorithm that hands Tune one step after another, as a `Schedule` releases them. One trial is one step."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from sweeps.plan.graph import Step
from sweeps.runtime.messages import TrialReport
from sweeps.schedule.dispatch import DIED, Dispatcher, StepRunner
from sweeps.schedule.retry import RetryPolicy
from sweeps.schedule.scheduler import Schedule


class PlanSearcher(Searcher):
    """A Tune search algorithm over a graph: None while nothing is ready, the end when everything has been started."""

    def __init__(self, schedule: Schedule, runner: StepRunner, retries: RetryPolicy | None = None) -> None:
        super().__init__(metric="state", mode="max")
        self._dispatcher = Dispatcher(schedule, runner, retries)
        self._steps: dict[str, Step] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The trial's configuration, None ("not now"), or FINISHED."""
        started = self._dispatcher.start()
        if started is not None:
            self._steps[trial_id], config = started
            return config
        return str(Searcher.FINISHED) if self._dispatcher.over else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Book how far a training has come."""
        progress = TrialReport.of(result).progress
        if trial_id in self._steps and progress is not None:
            self._dispatcher.progressed(self._steps[trial_id], progress.global_step)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Book the end of a trial; `result` is its last report.

        A trial whose process died, or that ended without saying how, has failed like any other.
        """
        step = self._steps.pop(trial_id, None)
        if step is not None:
            outcome = None if error or result is None else TrialReport.of(result).outcome
            self._dispatcher.ended(step, outcome or DIED)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the store says what is done, and running again is resuming."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
