"""What Tune tells of its trials, passed on to the tracker and to the view."""

from __future__ import annotations

from typing import Any

from ray.tune import Callback

from .live import View
from .schedule import Schedule
from .tracking import Tracker


class Observer(Callback):
    """Tune calls it on the driver, between the events of its loop."""

    def __init__(self, schedule: Schedule, tracker: Tracker, view: View) -> None:
        self._steps, self._tracker, self._view = schedule.plan.steps, tracker, view

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks to restore an experiment from its own files; nothing here ever is.
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune is about to wait for the next event."""
        self._view.refresh()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has been placed."""
        step = self._steps[trial.config["step"]]
        self._tracker.begin(step)
        self._view.started(step)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial has reported: how training goes, or in the end its state."""
        step = self._steps[trial.config["step"]]
        if result["state"] == "running":
            self._tracker.progress(step, result)
            self._view.progress(step, result)
        else:
            self._end(trial, result["state"], result.get("error", ""))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The process that drove a trial is gone."""
        self._end(trial, "failed", f"the process that drove this step died ({trial.error_file or 'no error file'})")

    def _end(self, trial: Any, state: str, error: str) -> None:
        step = self._steps[trial.config["step"]]
        self._tracker.finish(step, state, error)
        self._view.ended(step, state, error)
