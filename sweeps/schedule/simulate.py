"""A plan carried out on a virtual clock: by the dispatcher and the schedule that carry out real sweeps.

Each step takes as long as its cost says, and nothing fails or ends early. Beside the plan itself stand two ways of
running the same sweep that people use: the unshared grid, where every cell is trained by itself from the starting model
on, and two barriers, where all intermediates are trained, then all targets, then everything is evaluated. Both prepare
data once, and run what they have as this schedule would.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from sweeps.plan.graph import Plan, Step
from sweeps.schedule.dispatch import Claim, Dispatcher, Outcome
from sweeps.schedule.nodes import NodeShape, total
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from trainables.recipe.execution import Execution

STAGES = (("prepare", "pretrain", "intermediate"), ("target",), ("evaluate",))
"""Phases between the two barriers."""

DONE = Outcome(StepState.DONE)
FAILED = Outcome(StepState.FAILED, kind="settled")
"""How a step ends that fails for good."""


class _OnlyDriver:
    """A driver that holds every step (`sweeps.schedule.dispatch.StepRunner`)."""

    def claim(self, step: Step) -> Claim:
        return Claim.ACQUIRED

    def config(self, step: Step, execution: Execution) -> dict[str, Any]:
        return {}

    def ended(self, step: Step, state: StepState, message: str) -> None:
        pass


@dataclass(frozen=True)
class Clone(Step):
    """A step of another plan under a key of its own."""

    key: str = ""
    parents: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.key

    @property
    def needs(self) -> tuple[str, ...]:
        return self.parents


@dataclass
class Simulation:
    """What a run of a plan came to."""

    seconds: float = 0.0
    """From the start to the end of the last step."""
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    calls: list[float] = field(default_factory=list)
    """Seconds of this process's own time that each event took: booking a trial's end, and the suggestions after it."""


def simulate(
    plan: Plan,
    done: set[str],
    nodes: Sequence[NodeShape],
    failing: frozenset[str] = frozenset(),
    took: Mapping[str, float] | None = None,
) -> Simulation:
    """Carry out what is not done, on a cluster of these nodes.

    Args:
        failing: steps that take their time and fail.
        took: seconds that steps really take, where that is not what their costs say and the schedule goes by.

    Raises RuntimeError when a step is left that nothing will ever start, since the nodes cannot hold it.
    """
    found = Simulation()
    schedule = Schedule(plan, done, nodes, clock=lambda: found.seconds)
    dispatcher = Dispatcher(schedule, _OnlyDriver())
    running: list[tuple[float, int, Step]] = []  # when it ends, how many were started before it
    count = 0
    while True:
        called = time.thread_time()
        if running:
            found.seconds, _, ended = heappop(running)
            found.ended[ended.id] = found.seconds
            dispatcher.ended(ended, FAILED if ended.id in failing else DONE)
        started = []
        while (start := dispatcher.start()) is not None:
            started.append(start[0])
        found.calls.append(time.thread_time() - called)
        for step in started:
            found.began[step.id] = found.seconds
            seconds = took[step.id] if took is not None else step.cost.seconds
            heappush(running, (found.seconds + seconds, count, step))
            count += 1
        if not running:
            break
    if schedule.waiting:
        cpus, gpus = total(nodes)
        raise RuntimeError(f"{len(schedule.waiting)} steps never start on {cpus:g} CPUs and {gpus:g} GPUs")
    return found


def work(plan: Plan, done: set[str]) -> tuple[float, float]:
    """CPU-seconds and GPU-seconds of what is not done: what steps hold, times how long they hold it."""
    left = [step for name, step in plan.steps.items() if name not in done]
    cpu, gpu = (sum(step.cost.seconds * step.resources[kind] for step in left) for kind in (0, 1))
    return cpu, gpu


def bounds(plan: Plan, done: set[str], nodes: Sequence[NodeShape]) -> tuple[float, float]:
    """Seconds that no schedule can go below: the longest path, and the work over what there is to do it."""
    path = max((plan.remaining[name] for name in plan.steps if name not in done), default=0.0)
    return path, max(held / there if there else 0.0 for held, there in zip(work(plan, done), total(nodes), strict=True))


def unshared_plan(plan: Plan, done: set[str]) -> Plan:
    """Every cell by itself, or each of its variants, unless it is evaluated: all that it needs once more, but for
    prepared data."""
    steps: dict[str, Step] = {}

    def clone(step: Step, suffix: str, parents: Iterable[str]) -> str:
        key = step.id + suffix
        steps[key] = Clone(step.recipe, step.roles, step.execution, step.cost, key, tuple(parents))
        return key

    def copy(name: str, number: int, made: dict[str, str]) -> str:
        if name not in made:
            step = plan.steps[name]
            parents = [copy(need, number, made) for need in step.needs]
            if not step.kind.preparation:
                made[name] = clone(step, f" of cell {number}", parents)
            else:
                made[name] = name if name in steps else clone(step, "", parents)
        return made[name]

    wanted = [variant.evaluation for cell in plan.cells for variant in cell.variants]
    for number, evaluation in enumerate(wanted):
        if evaluation not in done:
            copy(evaluation, number, {})
    return Plan(steps, (), 0)


def two_barriers(plan: Plan, done: set[str], nodes: Sequence[NodeShape]) -> float:
    """Seconds of carrying out stage after stage."""
    seconds, finished = 0.0, set(done)
    upto: set[str] = set()
    for stage in STAGES:
        # What is at once an intermediate and a target has to be there for the targets that start from it.
        upto |= {name for name, step in plan.steps.items() if set(step.phases) & set(stage)}
        steps = {name: step for name, step in plan.steps.items() if name in upto}
        seconds += simulate(Plan(steps, (), 0), finished, nodes).seconds
        finished |= upto
    return seconds
