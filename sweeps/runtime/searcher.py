"""The searcher: hands Tune one step after another, as a `Schedule` releases them. One trial is one step."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from ray.tune.search import Searcher

from sweeps.plan.graph import Step
from sweeps.schedule.retry import RetryPolicy
from sweeps.schedule.scheduler import Schedule
from trainables.recipe.execution import Execution

Claim = Literal["mine", "done", "elsewhere"]
ELSEWHERE = 10.0
"""Seconds after which a step that another driver carries out is asked for again."""


class StepRunner(Protocol):
    """Carries out what the searcher hands out."""

    def claim(self, step: Step) -> Claim:
        """Whether the step is this carrier's now, done by another one meanwhile, or in another one's hands."""

    def config(self, step: Step, execution: Execution) -> dict[str, Any]:
        """What the trial function is given for a step that is this carrier's."""

    def ended(self, step: Step, state: str, said: str) -> None:
        """A step has ended: `done`, `failed`, or to be taken up again (`stopped`, `again`); what there is to say.

        Called before the schedule is told, so that whoever watches sees the step still running.
        """


class PlanSearcher(Searcher):
    """A Tune search algorithm over a graph: None while nothing is ready, the end when everything has been started."""

    def __init__(self, schedule: Schedule, runner: StepRunner) -> None:
        super().__init__(metric="state", mode="max")
        self.schedule, self._runner, self._attempts = schedule, runner, RetryPolicy()
        self._steps: dict[str, Step] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The trial's configuration, None ("not now"), or FINISHED."""
        while not self.schedule.over:
            step = self.schedule.next()
            if step is None:
                return None
            claimed = self._runner.claim(step)
            if claimed == "mine":
                self._steps[trial_id] = step
                return self._runner.config(step, self._attempts.execution(step))
            if claimed == "done":
                self._runner.ended(step, "done", "")
                self.schedule.finish(step.id, ok=True)
            else:
                self.schedule.release(step.id, after=ELSEWHERE)
        return str(Searcher.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Book how far a training has come."""
        if trial_id in self._steps and "global_step" in result:
            self._attempts.reached(self._steps[trial_id], result["global_step"])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Book the end of a trial; `result` is its last report.

        A trial whose process died, or that ended without saying how, has failed like any other.
        """
        step = self._steps.pop(trial_id, None)
        if step is None:
            return
        report = result if result is not None and not error else {}
        state = report.get("state", "failed")
        if state in ("done", "stopped"):
            self._runner.ended(step, state, "")
            if state == "done":
                self.schedule.finish(step.id, ok=True)
            elif step.id in self.schedule.halting:
                self.schedule.halt(step.id)
            else:
                self.schedule.release(step.id)
            return
        said = report.get("error", "the process that drove this step died")
        verdict = self._attempts.after(step, report.get("kind", "other"))
        if verdict.again_in is None:
            self._runner.ended(step, "failed", f"{said}\n{verdict.why}")
            self.schedule.finish(step.id, ok=False)
        else:
            why = "the next run tries again" if self.schedule.draining else verdict.why
            self._runner.ended(step, "again", f"{said}\n{why}")
            self.schedule.release(step.id, after=verdict.again_in)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the store says what is done, and running again is resuming."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
