"""What a sweep took: device-hours, tokens, and what it would have taken cell by cell.

Seconds are those of the records: the time in which a step held its devices, start-up included. A step that was cut off
and went on counts all its training and its last start-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweeps.plan.graph import PHASES, Step
from sweeps.report.annotations import trainings
from sweeps.results.results import Results
from trainables.steps import StepRecord, TrainResult


@dataclass(frozen=True)
class Usage:
    """The steps of a phase."""

    phase: str
    steps: int = 0
    hours: float = 0.0
    """Of steps, one after the other."""
    cpu_hours: float = 0.0
    """Hours times CPUs, of steps without GPU."""
    gpu_hours: float = 0.0
    tokens: int = 0
    """Subwords read in training, padding not counted."""
    train_hours: float = 0.0
    """Of the training loops alone, evaluation on dev rows included."""

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens / (3600 * self.train_hours) if self.train_hours else None


@dataclass(frozen=True)
class Cost:
    """Of all steps of a sweep that are done."""

    phases: tuple[Usage, ...]
    total: Usage
    unshared: Usage
    """The same cells, each from the starting model on by itself; data is prepared once in both."""
    cells: int
    """Done."""
    trainings: int
    """Train steps that are done."""
    unshared_trainings: int
    """Those that the done cells would need cell by cell."""

    @property
    def saved_hours(self) -> float:
        return self.unshared.hours - self.total.hours

    @property
    def saved_share(self) -> float:
        return self.saved_hours / self.unshared.hours if self.unshared.hours else 0.0

    @property
    def tokens_per_cell(self) -> float | None:
        return self.total.tokens / self.cells if self.cells else None


def cost_of(results: Results) -> Cost:
    """Read from the records of the done steps."""
    plan, store = results.plan, results.store
    done = [step for step in plan.steps.values() if store.done(step.id)]
    usage = {step.id: _usage(step, StepRecord.of(store, step.id)) for step in done}
    phases = tuple(_sum(phase, (one for one in usage.values() if one.phase == phase)) for phase in _phases(usage))
    alone: list[Usage] = [usage[step.id] for step in done if step.kind.preparation]
    unshared_count = 0
    for cell in results.cells:
        steps = [step for step, _ in trainings(results, cell) if step in usage]
        unshared_count += len(steps)
        alone += [usage[step] for step in (*steps, cell.evaluation)]
    return Cost(
        phases,
        _sum("all", usage.values()),
        _sum("cell by cell", alone),
        len(results.cells),
        sum(step.kind.leaves_weights for step in done),
        unshared_count,
    )


def _phases(usage: Mapping[str, Usage]) -> list[str]:
    """Those that steps have, in the order in which a cell needs them."""
    order = {phase: place for place, phase in enumerate(PHASES)}
    found = dict.fromkeys(one.phase for one in usage.values())
    return sorted(found, key=lambda phase: (order.get(phase.partition(" and ")[0], len(order)), phase))


def _usage(step: Step, record: StepRecord) -> Usage:
    cpus, gpus = step.kind.demand(record.execution).total
    result = TrainResult.model_validate(record.result) if step.kind.leaves_weights else TrainResult()
    hours = max(record.seconds, result.train_seconds) / 3600
    return Usage(
        step.phase,
        1,
        hours,
        0.0 if gpus else hours * cpus,
        hours * gpus,
        result.tokens,
        result.train_seconds / 3600,
    )


def _sum(name: str, parts: Iterable[Usage]) -> Usage:
    total = Usage(name)
    for one in parts:
        total = Usage(
            name,
            total.steps + one.steps,
            total.hours + one.hours,
            total.cpu_hours + one.cpu_hours,
            total.gpu_hours + one.gpu_hours,
            total.tokens + one.tokens,
            total.train_hours + one.train_hours,
        )
    return total
