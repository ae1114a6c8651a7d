"""How a plan stands in the store: what counts as done, and why something in the store does not.

A done step counts while nothing of it is damaged. Where its weights were dropped it is done all the same, until a step
that is still to be carried out starts from them; then it is carried out again, and what it needs in turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sweeps.state.selection import Stopped, stopped_of
from sweeps.state.sweep import Sweep
from trainables.store import Leases, Store


@dataclass
class Inspection:
    """The steps of a plan as the store has them."""

    done: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    """Steps that are to be carried out."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Steps with a record that do not count: what is wrong, in a line."""
    stopped: dict[str, Stopped] = field(default_factory=dict)
    """Trainings that a selection has stopped."""
    states: dict[str, str] = field(default_factory=dict)
    """Steps whose training state is damaged: what is wrong."""


def inspect_steps(sweep: Sweep) -> Inspection:
    """Look at every step of the plan, and at the training states of those that are not done."""
    _, plan, store = sweep
    found = Inspection(stopped=stopped_of(sweep))
    with ThreadPoolExecutor(16) as pool:
        recorded = {step for step, done in zip(plan.steps, pool.map(store.done, plan.steps), strict=True) if done}
        wrong = dict(zip(recorded, pool.map(store.check, recorded), strict=True))
    found.rejected = {name: problem for name, problem in wrong.items() if problem is not None}
    found.done = recorded - set(found.rejected)
    never = set(found.stopped)
    for step in plan.steps.values():  # children stand behind their parents
        if step.id not in found.done and never & set(step.needs):
            never.add(step.id)
    for step in reversed(plan.steps.values()):
        if step.id in found.done or step.id in never:
            continue
        for need in step.needs:
            if need in found.done and plan.steps[need].kind.leaves_weights and store.weights_dropped(need):
                found.done.remove(need)
                found.rejected[need] = f"{store.locate(need)}: its weights were dropped, and {step.name} needs them"
    found.waiting = {name for name in plan.steps if name not in found.done and name not in never}
    for name in plan.steps:
        if name not in found.done and (problem := store.check_state(name)) is not None:
            found.states[name] = problem
    return found


def reject(steps: Iterable[str], store: Store, leases: Leases) -> None:
    """Take steps for not done, each under its lease; one that another driver works on is left to that one."""
    for step in steps:
        if leases.acquire(step):
            store.reject(step)
            leases.release(step)
