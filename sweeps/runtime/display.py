"""What a run tells the person who started it. The command line implements it; the runtime only calls it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sweeps.plan.graph import Step
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from trainables.host import TrainReport


class StepView(Protocol):
    """Shows the steps of a schedule while they run."""

    def started(self, step: Step) -> None:
        """A step has been given to the cluster."""

    def progress(self, step: Step, report: TrainReport) -> None:
        """A training step has reported."""

    def ended(self, step: Step, state: StepState, error: str = "") -> None:
        """An attempt at a step has ended; `error` says why, where it did not succeed."""

    def say(self, step: str, what: str) -> None:
        """Something that a person should know of a running step, by its id."""

    def refresh(self) -> None:
        """Time has passed."""


class Display(Protocol):
    """Shows lines, and the steps of a schedule while they run."""

    def line(self, text: str, warning: bool = False) -> None:
        """Show one line."""

    def watch(self, schedule: Schedule) -> AbstractContextManager[StepView]:
        """Show the steps of `schedule` until the block ends."""
