"""What a Tune search algorithm and the simulator share: which step starts next, and what follows when one ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from sweeps.plan.graph import Step
from sweeps.schedule.retry import RetryPolicy
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from trainables.failure import Kind
from trainables.recipe.execution import Execution

HELD_ELSEWHERE_SECONDS = 10.0
"""Seconds after which a step that another driver holds is asked for again."""


class Claim(Enum):
    """What came of asking for a step."""

    ACQUIRED = "acquired"
    DONE = "done"
    """Another driver has done it meanwhile."""
    HELD_ELSEWHERE = "held elsewhere"


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a step ended: `state` is done, paused or failed; the rest speaks of a failure."""

    state: StepState
    error: str = ""
    kind: Kind = "other"


DIED = Outcome(StepState.FAILED, "the process that drove this step died")


class StepRunner(Protocol):
    """Carries out the steps that are dispatched."""

    def claim(self, step: Step) -> Claim:
        """Try to acquire the step."""

    def config(self, step: Step, execution: Execution) -> dict[str, Any]:
        """What the attempt at an acquired step is given, in a form that crosses processes."""

    def ended(self, step: Step, state: StepState, message: str) -> None:
        """An attempt has ended in `state`; `message` says why, where it did not succeed.

        Called before the schedule is told, so that whoever watches sees the step still running.
        """


class Dispatcher:
    """Starts the steps of a schedule, and books how they end.

    Args:
        schedule: which step is next.
        runner: acquires steps and is told of their ends.
        retries: what follows a failure.
    """

    def __init__(self, schedule: Schedule, runner: StepRunner, retries: RetryPolicy | None = None) -> None:
        self.schedule, self._runner, self._retries = schedule, runner, retries or RetryPolicy()

    @property
    def over(self) -> bool:
        """Whether nothing will be started any more."""
        return self.schedule.over

    def start(self) -> tuple[Step, dict[str, Any]] | None:
        """The next step and what its attempt is given; None when none can start now."""
        while not self.schedule.over:
            step = self.schedule.next()
            if step is None:
                return None
            claim = self._runner.claim(step)
            if claim is Claim.ACQUIRED:
                return step, self._runner.config(step, self._retries.execution(step))
            if claim is Claim.DONE:
                self._runner.ended(step, StepState.DONE, "")
                self.schedule.finish(step.id, ok=True)
            else:
                self.schedule.release(step.id, StepState.WAITING, after=HELD_ELSEWHERE_SECONDS)
        return None

    def progressed(self, step: Step, update: int) -> None:
        """A training has come to an update; attempts that come further do not use up its retries."""
        self._retries.reached(step, update)

    def ended(self, step: Step, outcome: Outcome) -> None:
        """An attempt has ended: tell the runner, then book what follows."""
        if outcome.state is StepState.DONE:
            self._runner.ended(step, StepState.DONE, "")
            self.schedule.finish(step.id, ok=True)
        elif outcome.state is StepState.PAUSED:
            self._retries.left(step)
            halted = step.id in self.schedule.halting
            self._runner.ended(step, StepState.STOPPED if halted else StepState.PAUSED, "")
            if halted:
                self.schedule.halt(step.id)
            else:
                self.schedule.release(step.id, StepState.PAUSED)
        else:
            self._failed(step, outcome)

    def _failed(self, step: Step, outcome: Outcome) -> None:
        decision = self._retries.after(step, outcome.kind)
        if decision.again_in is None:
            self._runner.ended(step, StepState.FAILED, f"{outcome.error}\n{decision.why}")
            self.schedule.finish(step.id, ok=False)
            return
        why = "the next run tries again" if self.schedule.draining else decision.why
        self._runner.ended(step, StepState.RETRYING, f"{outcome.error}\n{why}")
        self.schedule.release(step.id, StepState.RETRYING, after=decision.again_in)
