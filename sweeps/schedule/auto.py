"""Executions that a sweep file leaves open, chosen so that the simulated sweep ends as early as it can.

Execution changes no number, so it may be chosen, for each step by itself. Steps that do the same work in the same phase
are a group, carried out alike. The search:

1. Every group is carried out in the way that holds devices for the shortest time (`sweeps.schedule.candidates`): on one
   device, or on a part of one. With much more work than devices little is better. Beside it: every group on half a
   device at least, on one, on two, and so on. All of these are simulated.
2. From the first of these, and from that which ends first: the group on the longest path that gains most for what it
   holds more is given its next way, more workers or more of a device; and again, until the longest path takes half as
   long as the work over all devices. A few of these plans, evenly spaced, are simulated.
3. Of all plans that end about first, the one that holds devices for the shortest time is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from sweeps.cost.flops import Estimate, estimate
from sweeps.cost.memory import PlanMemory
from sweeps.cost.throughput import DEVICES, USUAL, is_type, throughput_on
from sweeps.plan.graph import Plan, Step
from sweeps.schedule.candidates import CHOSEN, GIB, GPU_MEMORY, Candidate, Cluster, Peak, candidates
from sweeps.schedule.nodes import NodeShape, total
from sweeps.schedule.simulate import simulate
from trainables.outside.processor import bf16_units
from trainables.steps.work import Work
from trainables.store import Store

SIMULATED, FEWEST = 10_000, 4
"""Steps that are simulated in all, about, and plans at least: a few of a large sweep, more of a small one."""
LEVELS = 8
"""Plans whose steps all hold some devices at least, at most."""
MOVES = 200
"""Times that a group is given its next way, at most."""
ABOUT = 1.005
"""Of the shortest wall clock, within which others are as good."""


@dataclass(frozen=True)
class Choice:
    """A plan whose steps have their executions.

    Attributes:
        plan: with the costs of its steps, as they are carried out.
        made: how each step that is not done is carried out, and what of it is held.
    """

    plan: Plan
    made: dict[str, Candidate]


@dataclass
class _Group:
    """Steps that are carried out alike, and where on their ladder of candidates they are."""

    steps: list[Step]
    ladder: list[Candidate]
    at: int = 0

    @property
    def now(self) -> Candidate:
        return self.ladder[self.at]

    def least(self, devices: float) -> int:
        """The first rung that holds so many devices; the last, if none does."""
        return next((i for i, one in enumerate(self.ladder) if one.devices >= devices), len(self.ladder) - 1)

    @property
    def held(self) -> float:
        """Device-seconds of all its steps."""
        return self.now.held * len(self.steps)

    def gain(self) -> float:
        """Seconds sooner for each device-second more, on the next rung; 0 where there is none."""
        if self.at + 1 == len(self.ladder):
            return 0.0
        here, there = self.now, self.ladder[self.at + 1]
        sooner = here.step.cost.seconds - there.step.cost.seconds
        return sooner / max((there.held - here.held) * len(self.steps), 1e-9)


def choose(plan: Plan, works: dict[str, Work], done: set[str], cluster: Cluster, peak: Peak) -> Choice:
    """Choose the executions of all steps that are not done.

    Args:
        plan: the fields that are set in its steps' executions stay as they are.
        works: what each step does.
        peak: what a process holds.
    """
    groups = _groups(plan, works, done, cluster, peak)
    most = max(FEWEST, SIMULATED // max(len(plan.steps) - len(done), 1))
    tried: list[tuple[float, float, list[int]]] = []

    def attempt(rungs: list[int]) -> None:
        _set(groups, rungs)
        try:
            seconds = simulate(_carried_out(plan, groups), done, cluster.nodes).seconds
        except RuntimeError:  # a step fits nowhere as the file has it: that is said elsewhere
            seconds = inf
        tried.append((seconds, sum(group.held for group in groups), rungs))

    levels = sorted({one.devices for group in groups for one in group.ladder})[: min(LEVELS, most)]
    for rungs in _distinct([group.least(level) for group in groups] for level in levels):
        attempt(rungs)
    each = max(1, (most - len(tried)) // 2)
    for start in _distinct(rungs for _, _, rungs in (tried[0], min(tried, key=lambda one: one[0]))):
        moved = _moves(plan, groups, start, cluster.nodes)
        for stop in sorted({round(len(moved) * (i + 1) / each) for i in range(each)} - {0}):
            attempt(moved[stop - 1])
    first = min(seconds for seconds, _, _ in tried)
    _set(groups, min((one for one in tried if one[0] <= ABOUT * first), key=lambda one: one[1])[2])
    made = {step.id: replace(group.now, step=_as(step, group.now)) for group in groups for step in group.steps}
    return Choice(_carried_out(plan, groups), made)


def _set(groups: list[_Group], rungs: list[int]) -> None:
    for group, rung in zip(groups, rungs, strict=True):
        group.at = rung


def _distinct(rungs: Iterable[list[int]]) -> list[list[int]]:
    return [list(one) for one in dict.fromkeys(map(tuple, rungs))] or [[]]


def _moves(plan: Plan, groups: list[_Group], start: list[int], nodes: Sequence[NodeShape]) -> list[list[int]]:
    """The rungs of all groups after each move from `start` on."""
    _set(groups, start)
    moved: list[list[int]] = []
    while len(moved) < MOVES and (longest := _next(plan, groups, nodes)) is not None:
        longest.at += 1
        moved.append([group.at for group in groups])
    return moved


def _groups(plan: Plan, works: dict[str, Work], done: set[str], cluster: Cluster, peak: Peak) -> list[_Group]:
    members: dict[Any, list[Step]] = {}
    for name, step in plan.steps.items():
        if name not in done:
            given = {
                field: getattr(step.execution, field) for field in CHOSEN if field in step.execution.model_fields_set
            }
            optimisation = getattr(step.recipe, "optimisation", None)
            key = (step.kind.name, step.phases, works[name], optimisation, tuple(given.items()))
            members.setdefault(key, []).append(step)
    return [_Group(steps, candidates(steps[0], works[steps[0].id], cluster, peak)) for steps in members.values()]


def _as(step: Step, candidate: Candidate) -> Step:
    """`step` carried out as another one of its group."""
    fields = {name: getattr(candidate.step.execution, name) for name in CHOSEN}
    return replace(step, execution=step.execution.model_copy(update=fields), cost=candidate.step.cost)


def _carried_out(plan: Plan, groups: list[_Group]) -> Plan:
    of = {step.id: _as(step, group.now) for group in groups for step in group.steps}
    return replace(plan, steps={name: of.get(name, step) for name, step in plan.steps.items()})


def _next(plan: Plan, groups: list[_Group], nodes: Sequence[NodeShape]) -> _Group | None:
    """The group to be given more: one on the longest path, while a sweep may wait for that."""
    of = {step.id: group for group in groups for step in group.steps}
    longest = dict.fromkeys(of, 0.0)
    after: dict[str, str] = {}
    for name in reversed(plan.steps):
        if name in of:
            longest[name] += of[name].now.step.cost.seconds
            for need in plan.steps[name].needs:
                if need in of and longest[name] > longest[need]:
                    longest[need], after[need] = longest[name], name
    held = [
        sum(group.now.step.cost.seconds * group.now.step.resources[kind] * len(group.steps) for group in groups)
        for kind in (0, 1)
    ]
    work = max((amount / there for amount, there in zip(held, total(nodes), strict=True) if there), default=0.0)
    first = max(longest, key=longest.__getitem__, default=None)
    if first is None or longest[first] <= work / 2:
        return None
    path = [first]
    while path[-1] in after:
        path.append(after[path[-1]])
    best = max((of[name] for name in path), key=_Group.gain)
    return best if best.gain() > 0 else None


def choose_for(
    plan: Plan, store: Store | None, done: set[str], nodes: Sequence[NodeShape], gpu_type: str | None = None
) -> tuple[Estimate, list[Candidate]]:
    """The plan with executions and costs for a cluster, corrected by what the store has measured; and how each step
    that is not done is carried out.

    Args:
        gpu_type: a name in `sweeps.cost.throughput.DEVICES`; None: what the nodes say.
    """
    gpus = total(nodes)[1] > 0
    device = (gpu_type or slowest(nodes)) if gpus else None
    estimated = estimate(plan, throughput_on(device, bf16=bool(bf16_units())), store)
    cluster = Cluster(nodes, GIB * GPU_MEMORY[device] if device is not None else 0.0, estimated.throughput)
    choice = choose(estimated.plan, estimated.works, done, cluster, PlanMemory(plan, store).peaks)
    return replace(estimated, plan=choice.plan), list(choice.made.values())


def slowest(nodes: Sequence[NodeShape]) -> str:
    """The slowest type of GPU of those that the nodes name, by its name in `sweeps.cost.throughput.DEVICES`; the usual
    one where none is known."""
    types = {node.gpu_type for node in nodes if node.gpus}
    known = [name for name in DEVICES if any(is_type(name, said) for said in types)]
    return min(known, key=lambda name: DEVICES[name].peak("bf16"), default=USUAL)
