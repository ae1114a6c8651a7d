"""What the processes of steps hold at most: the one estimate by which executions are chosen, clusters are checked
before a run, and micro-batches are made smaller after memory has run out."""

from __future__ import annotations

from typing import NamedTuple

from sweeps.cost.flops import PlanContext, context_of
from sweeps.plan.graph import Plan, Step
from trainables.recipe.execution import Execution
from trainables.store import Store
from trainables.training.memory import DeviceType, Memory

HOST = int(1.2 * 2**30)
"""Bytes that a process holds on a CPU besides tensors: interpreter, libraries, rows. Assumed."""


class Peaks(NamedTuple):
    """Bytes that one process of a step holds at most."""

    device: float
    """Of its GPU, or of its node where it has none."""
    host: float = 0.0
    """Beside a GPU, of its node's memory."""
    first: float = 0.0
    """Beside that, the first process alone."""


class PlanMemory:
    """What steps of a plan hold. `store`: corrects expected sizes of data by what is prepared."""

    def __init__(self, plan: Plan, store: Store | None = None) -> None:
        self._context: PlanContext = context_of(plan, store)

    def of(self, step: Step, device: DeviceType, execution: Execution | None = None) -> Memory | None:
        """What one process of `step` holds at most, executed as the plan says or as `execution` does; None where it has
        to do with no model."""
        return step.kind.memory(step.recipe, execution or step.execution, self._context, device)

    def bytes(self, step: Step, execution: Execution | None = None) -> float:
        """The same in bytes, with what a process holds besides tensors: of a GPU's memory where the step has a GPU or a
        part of one, else of its node's."""
        return self.of_model(step, execution or step.execution) or HOST

    def of_model(self, step: Step, execution: Execution) -> float | None:
        """The same; None where the step has to do with no model."""
        gpu = step.kind.uses_gpu and execution.gpus_per_worker > 0
        found = self.of(step, "cuda" if gpu else "cpu", execution)
        if found is None:
            return None
        return found.on_gpu if gpu else found.total + HOST

    def peaks(self, step: Step) -> Peaks:
        """What one process of `step` holds at most, beside a GPU also of its node's memory."""
        if not (step.kind.uses_gpu and step.execution.gpus_per_worker > 0):
            return Peaks(self.bytes(step))
        found = self.of(step, "cuda")
        return Peaks(HOST, HOST) if found is None else Peaks(found.on_gpu, found.host + HOST, found.first)
