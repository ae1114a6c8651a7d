"""What follows when a step fails: again with smaller micro-batches, again after a while, or never; and with how many
workers, where the cluster has lost nodes. A training state may be gone on from under any execution.

A failed attempt costs what was done since the last training state, so trying again is cheap, and most failures of a
cluster (a lost node, a killed process, a network file system that hangs) are gone the next time. The driver decides,
so it makes no difference whether a worker, the process that drives the step, or a whole node died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeps.plan.graph import Step
from sweeps.schedule.nodes import Nodes, NodeShape
from trainables.failure import Kind
from trainables.recipe.execution import Execution
from trainables.steps import Demand

SMALLEST_MICRO_BATCH = 64
"""Padded tokens. A step that does not fit into memory with fewer has failed."""


WORTH = 0.97
"""Of what an attempt without enough memory would have held, at most, for another to be worth its start while there are
smaller micro-batches yet."""


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
        nodes: what the cluster has now; none: it is not known, or may grow.
        held: bytes that a process of a step holds at most under an execution, as an estimate; None: it is not known.
    """

    def __init__(
        self,
        back_off: float = 10.0,
        nodes: Callable[[], Sequence[NodeShape]] = lambda: (),
        held: Callable[[Step, Execution], float | None] = lambda step, execution: None,
    ) -> None:
        self._back_off, self._nodes, self._held = back_off, nodes, held
        self._failures: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._failed_at: dict[str, int] = {}
        self._executions: dict[str, Execution] = {}
        self._preempted: set[str] = set()
        self._fewer: set[str] = set()
        """Steps whose last attempt had fewer workers than planned."""
        self._indivisible: set[str] = set()
        """Steps that fewer workers have no memory for."""

    def execution(self, step: Step) -> Execution:
        """How the next attempt at `step` is to be carried out."""
        planned = self._planned(step)
        if not step.kind.distributed or step.id in self._indivisible:
            return planned
        workers = workers_that_fit(step.kind.demand(planned), self._nodes())
        if workers == planned.workers:
            self._fewer.discard(step.id)
            return planned
        self._fewer.add(step.id)
        return planned.model_copy(update={"workers": workers})

    def _planned(self, step: Step) -> Execution:
        return self._executions.get(step.id, step.execution)

    def reached(self, step: Step, global_step: int) -> None:
        """Book how far an attempt at `step` has come."""
        self._reached[step.id] = max(global_step, self._reached.get(step.id, 0))

    def preempted(self, step: str) -> None:
        """A node of the step is being taken away: if the attempt fails, that does not count."""
        self._preempted.add(step)

    def left(self, step: Step) -> None:
        """An attempt has saved its state and left."""
        self._preempted.discard(step.id)

    def _failure(self, step: Step) -> int:
        """Count a failure; those before an attempt that came further than any before it count no more."""
        reached = self._reached.get(step.id, 0)
        further = reached > self._failed_at.get(step.id, 0)
        self._failed_at[step.id] = reached
        self._failures[step.id] = 1 if further else self._failures.get(step.id, 0) + 1
        return self._failures[step.id]

    def after(self, step: Step, kind: Kind) -> RetryDecision:
        """Book that an attempt at `step` has failed; what follows."""
        execution = self._planned(step)
        if step.id in self._preempted:
            self._preempted.discard(step.id)
            return RetryDecision(0.0, "its node was taken away before it had left: again at once")
        if kind == "memory" and step.id in self._fewer:
            self._indivisible.add(step.id)
            return RetryDecision(0.0, f"out of memory on fewer workers: again when all {execution.workers} fit")
        if kind == "memory" and (tokens := self._smaller(step, execution)) is not None:
            self._executions[step.id] = execution.model_copy(update={"micro_batch_tokens": tokens})
            return RetryDecision(0.0, f"out of memory: again with micro-batches of {tokens} tokens, same global batch")
        if kind == "memory" and step.kind.distributed and not execution.checkpoint_activations:
            recomputed = execution.model_copy(update={"checkpoint_activations": True})
            if self._worth(step, execution, recomputed):
                self._executions[step.id] = recomputed
                return RetryDecision(0.0, "out of memory: again with blocks recomputed in the backward pass")
        if kind == "memory" and execution.workers > 1 and execution.stage < 3:
            stage = execution.stage + 1
            self._executions[step.id] = execution.model_copy(update={"zero_stage": stage})
            return RetryDecision(0.0, f"out of memory: again under ZeRO stage {stage}, which divides more of the model")
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

    def _worth(self, step: Step, execution: Execution, other: Execution) -> bool:
        """Whether an attempt carried out as `other` would hold enough less; as far as is known."""
        held, less = self._held(step, execution), self._held(step, other)
        return held is None or less is None or less <= WORTH * held

    def _smaller(self, step: Step, execution: Execution) -> int | None:
        """The next smaller micro-batch that is worth trying: half of it, and half again while that would hold about as
        much, as where a batch of short rows is no larger. None where none would hold less."""
        held, tokens, last = self._held(step, execution), execution.micro_batch_tokens // 2, None
        while tokens >= SMALLEST_MICRO_BATCH:
            less = self._held(step, execution.model_copy(update={"micro_batch_tokens": tokens}))
            if held is None or less is None or less <= WORTH * held:
                return tokens
            last = tokens if less < held else last
            tokens //= 2
        return last


def workers_that_fit(demand: Demand, nodes: Sequence[NodeShape]) -> int:
    """How many of the processes of `demand` fit on these nodes where nothing else is; all of them where none fits, or
    there are no nodes: then the step waits.

    >>> workers_that_fit(Demand(4, 2, 0), [NodeShape(5), NodeShape(2)])
    3
    """
    fewer = (demand._replace(processes=count) for count in range(demand.processes, 0, -1))
    fitting = (some.processes for some in fewer if nodes and Nodes(nodes).place(some) is not None)
    return next(fitting, demand.processes)
