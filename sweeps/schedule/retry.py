"""What follows when a step fails: again with smaller micro-batches, again after a while, or never.

A failed attempt costs what was done since the last training state, so trying again is cheap, and most failures of a
cluster (a lost node, a killed process, a network file system that hangs) are gone the next time. The driver decides,
so it makes no difference whether a worker, the process that drives the step, or a whole node died.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.plan.graph import Step
from trainables.failure import Kind
from trainables.recipe.execution import Execution

SMALLEST_MICRO_BATCH = 64
"""Padded tokens. A step that does not fit into memory with fewer has failed."""


@dataclass(frozen=True)
class RetryDecision:
    """What follows a failure."""

    again_in: float | None
    """Seconds to wait before the next attempt; None when there will be none."""
    why: str


class RetryPolicy:
    """The attempts at each step of one run of a sweep.

    Args:
        back_off: seconds before the second attempt; doubled before each further one.
    """

    def __init__(self, back_off: float = 10.0) -> None:
        self._back_off = back_off
        self._failures: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._failed_at: dict[str, int] = {}
        self._executions: dict[str, Execution] = {}

    def execution(self, step: Step) -> Execution:
        """How the next attempt at `step` is to be carried out."""
        return self._executions.get(step.id, step.execution)

    def reached(self, step: Step, global_step: int) -> None:
        """Book how far an attempt at `step` has come."""
        self._reached[step.id] = max(global_step, self._reached.get(step.id, 0))

    def _failure(self, step: Step) -> int:
        """Count a failure; those before an attempt that came further than any before it count no more."""
        reached = self._reached.get(step.id, 0)
        further = reached > self._failed_at.get(step.id, 0)
        self._failed_at[step.id] = reached
        self._failures[step.id] = 1 if further else self._failures.get(step.id, 0) + 1
        return self._failures[step.id]

    def after(self, step: Step, kind: Kind) -> RetryDecision:
        """Book that an attempt at `step` has failed; what follows."""
        execution = self.execution(step)
        if kind == "memory" and execution.micro_batch_tokens // 2 >= SMALLEST_MICRO_BATCH:
            tokens = execution.micro_batch_tokens // 2
            self._executions[step.id] = execution.model_copy(update={"micro_batch_tokens": tokens})
            return RetryDecision(0.0, f"out of memory: again with micro-batches of {tokens} tokens, same global batch")
        failures = self._failure(step)
        if kind == "settled":
            return RetryDecision(None, "trying again would end the same way")
        if kind == "memory":
            return RetryDecision(
                None, f"out of memory even with micro-batches of {execution.micro_batch_tokens} tokens"
            )
        if failures > execution.retries:
            return RetryDecision(None, f"given up after {failures} attempts that came no further")
        wait = self._back_off * 2 ** (failures - 1)
        return RetryDecision(wait, f"attempt {failures + 1} of {execution.retries + 1} in {wait:.0f} s")
