"""The search algorithm that hands Tune one step after another, as a `Schedule` releases them. One trial is one series
of steps (`sweeps.runtime.series`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ray.tune.search import Searcher

from sweeps.plan.graph import Step
from sweeps.runtime.messages import TrialConfig, TrialReport
from sweeps.runtime.series import goes_on
from sweeps.schedule.dispatch import DIED, Dispatcher, Outcome, StepRunner
from sweeps.schedule.retry import RetryPolicy
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState

Follow = Callable[[str, str, dict[str, Any] | None], Any]
"""Tells the workers of a series what follows the step that has ended; None: nothing."""


class SeriesRunner(StepRunner, Protocol):
    """Carries out steps, by trials and by workers that are there."""

    def started(self, step: Step) -> None:
        """An attempt at an acquired step has its workers."""


class PlanSearcher(Searcher):
    """A Tune search algorithm over a graph: None while nothing is ready, the end when everything has been started."""

    def __init__(
        self, schedule: Schedule, runner: SeriesRunner, follow: Follow, retries: RetryPolicy | None = None
    ) -> None:
        super().__init__(metric="state", mode="max")
        self._dispatcher, self._runner, self._follow = Dispatcher(schedule, runner, retries), runner, follow
        self._halting = schedule.halting
        self._begun: dict[str, TrialConfig] = {}
        """What each series began with, by trial."""
        self._steps: dict[str, Step] = {}
        """The step that each trial is at."""
        self._kept: dict[str, list[tuple[Step, dict[str, Any]]]] = {}
        """Steps that the schedule has started at the end of a series: they wait for the end of its trial, whose workers
        hold their place, and whose process is the next trial's."""
        self._started: deque[tuple[Step, dict[str, Any]]] = deque()
        """Steps that the schedule has started and that need a trial of their own."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The trial's configuration, None ("not now"), or FINISHED."""
        started = self._started.popleft() if self._started else self._dispatcher.start()
        if started is not None:
            self._steps[trial_id], config = started
            self._begun[trial_id] = TrialConfig(**{**config, "series": trial_id})
            return self._begun[trial_id].to_ray()
        return str(Searcher.FINISHED) if self._dispatcher.over and not self._kept else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Book how far a training has come, or that a step is over, and say what follows it."""
        report, step = TrialReport.of(result), self._steps.get(trial_id)
        if step is None or report.step != step.id:
            return
        if report.progress is not None:
            self._dispatcher.progressed(step, report.progress.global_step)
        if report.state is StepState.DONE or (report.state is StepState.PAUSED and step.id in self._halting):
            del self._steps[trial_id]
            self._dispatcher.ended(step, Outcome(report.state))
            self._follow(trial_id, step.id, self._following(trial_id))
        elif report.state is StepState.PAUSED:
            self._follow(trial_id, step.id, None)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Book the end of a trial; `result` is its last report.

        What it was at has failed, if its process died, or if it ended without a word of that step.
        """
        step = self._steps.pop(trial_id, None)
        if step is not None:
            report = TrialReport.of(result or {})
            told = not error and report.step in ("", step.id)
            self._dispatcher.ended(step, (report.outcome if told else None) or DIED)
        self._begun.pop(trial_id, None)
        self._started += self._kept.pop(trial_id, [])

    def _following(self, trial_id: str) -> dict[str, Any] | None:
        """Start what the schedule has next, the most urgent first, until a step suits the workers of the trial."""
        others: list[tuple[Step, dict[str, Any]]] = []
        while (started := self._dispatcher.start()) is not None:
            step, config = started
            following = TrialConfig(**{**config, "series": trial_id})
            if goes_on(self._begun[trial_id], following):
                self._started += others
                self._steps[trial_id] = step
                self._runner.started(step)
                return following.to_ray()
            others.append(started)
        if others:
            self._kept[trial_id] = others
        return None

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the store says what is done, and running again is resuming."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
