"""What Tune says of its trials while they run, passed on to the tracker, the view and the watches. Of their ends the
search algorithm tells, which knows what follows."""

from __future__ import annotations

from typing import Any

from ray.tune import Callback

from sweeps.runtime.display import StepView
from sweeps.runtime.lifecycle import StepLifecycle
from sweeps.runtime.messages import TrialReport
from sweeps.runtime.preemption import PreemptionWatch
from sweeps.runtime.watchdog import Watchdog
from sweeps.schedule.scheduler import Schedule
from sweeps.tracking import Tracker


class Observer(Callback):
    """Tune calls it on the driver, between the events of its loop."""

    def __init__(
        self,
        schedule: Schedule,
        driver: StepLifecycle,
        tracker: Tracker,
        view: StepView,
        watchdog: Watchdog,
        preemption: PreemptionWatch,
    ) -> None:
        self._steps, self._driver, self._tracker, self._view = schedule.plan.steps, driver, tracker, view
        self._watchdog, self._preemption = watchdog, preemption

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks to restore an experiment from its own files; nothing here ever is.
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune is about to wait for the next event."""
        self._view.refresh()
        self._watchdog.check()
        self._preemption.check()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has been placed, and with it the first step of its series."""
        self._driver.started(self._steps[trial.config["step"]])

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial has reported: how training goes, or how a step has ended."""
        report = TrialReport.of(result)
        if report.progress is not None:
            step = self._steps[report.step]
            self._tracker.progress(step, report.progress)
            self._view.progress(step, report.progress)
