"""Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934) among trainings that compete: Tune's own, one
instance for each group.

Tune's STOP kills a trial, so it is not passed on: the training is asked to save its state and
leave (`runtime.control`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from sweeps.plan.graph import Plan
from sweeps.runtime.messages import TrialReport
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from sweeps.spec.stopping import AshaSpec
from sweeps.state.selection import Decisions, Group, Stopped, groups_of, started_from
from trainables.host import TrainReport
from trainables.recipe.recipes import TrainRecipe
from trainables.steps import TrainResult
from trainables.store import Store

TIME, VALUE = "global_step", "dev_value"

Curve = Iterable[tuple[int, float]]


@dataclass(frozen=True)
class _Rival:
    """What Tune's algorithm must know of a trial. It is the step, so further attempts at a step are the same rival."""

    trial_id: str


class GroupedAsha(FIFOScheduler):
    """Starts trials in their order, and asks those that fall behind in their group to stop.

    Args:
        decisions: what this sweep has stopped; those of this run are added.
        halt: asks a step to stop: its id, and why.
    """

    def __init__(
        self,
        spec: AshaSpec,
        schedule: Schedule,
        store: Store,
        decisions: Decisions,
        halt: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self._spec, self._schedule, self._decisions, self._halt = spec, schedule, decisions, halt
        self._groups = groups_of(schedule.plan)
        self._spared = started_from(schedule.plan)
        self._earlier = earlier_curves(schedule.plan, store, decisions, self._groups)
        self._halving: dict[Group, AsyncHyperBandScheduler] = {}
        self._heard: dict[str, int] = {}
        self._asked: dict[str, Stopped] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its scheduler to restore an experiment from its own files; nothing here ever is.
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Compare a training that has reported with its rivals; keep the decision when one has stopped."""
        report = TrialReport.of(result)
        step = report.step
        if report.progress is not None and step in self._groups:
            self._compare(step, report.progress)
        if report.state is StepState.PAUSED and step in self._asked:
            self._decisions.add(self._asked[step])
        return TrialScheduler.CONTINUE

    def _compare(self, step: str, report: TrainReport) -> None:
        group, curve = self._groups[step], report.curve
        if group not in self._halving:
            self._open(group, report.global_steps)
        heard = self._heard.get(step, 0)
        if step not in self._heard:
            self._halving[group].on_trial_add(None, _Rival(step))
        # All that it has reported in earlier runs of the sweep, and from the beginning where it was started again.
        verdict = self._feed(group, step, curve[heard if heard < len(curve) else 0 :])
        self._heard[step] = len(curve)
        behind = verdict == TrialScheduler.STOP and report.global_step < report.global_steps
        if behind and step not in self._spared and step not in self._asked:
            rung = rung_of(report.global_step, self._spec)
            self._asked[step] = Stopped(
                step, report.global_step, report.global_steps, report.dev_value, rung, report.curve
            )
            self._schedule.halting.add(step)
            self._halt(step, f"behind its rivals at step {rung:g}")

    def _open(self, group: Group, steps: int) -> None:
        """A group's first report: set up its rungs, and measure who has run before."""
        self._halving[group] = AsyncHyperBandScheduler(
            time_attr=TIME,
            metric=VALUE,
            mode="max",
            max_t=max(steps, self._spec.grace),
            grace_period=self._spec.grace,
            reduction_factor=self._spec.reduction,
            stop_last_trials=False,
        )
        for step, curve in self._earlier.items():
            if self._groups[step] == group:
                self._halving[group].on_trial_add(None, _Rival(step))
                self._feed(group, step, curve)

    def _feed(self, group: Group, step: str, curve: Curve) -> str:
        verdict: str = TrialScheduler.CONTINUE
        for at, value in curve:
            verdict = self._halving[group].on_trial_result(None, _Rival(step), {TIME: at, VALUE: value})
        return verdict


def earlier_curves(plan: Plan, store: Store, decisions: Decisions, groups: Mapping[str, Group]) -> dict[str, Curve]:
    """The dev curves of competing trainings that are done, or were stopped, before this run."""
    curves: dict[str, Curve] = {step: decisions.stopped[step].curve for step in groups if step in decisions.stopped}
    for step in groups:
        recipe = plan.steps[step].recipe
        if store.done(step) and isinstance(recipe, TrainRecipe):
            select = recipe.tasks[0].select  # a target is trained on one task at a time
            points = TrainResult.of(store, step).dev
            curves[step] = [(int(point["step"]), select.value(point)) for point in points] if select is not None else []
    return curves


def rung_of(step: int, spec: AshaSpec) -> float:
    """The last rung at or before an update."""
    return float(spec.grace * spec.reduction ** math.floor(math.log(step / spec.grace, spec.reduction) + 1e-9))
