"""Selection: which trainings compete with each other, which of them were stopped, and which one a cell goes by.

To find the best intermediate of a target, or its best learning rate, under a budget, the trainings of a target with
one model and one seed compete. Never seeds of one cell, never different targets. A training that others start from
is measured like the rest, and never stopped: nobody has seen yet what comes of it.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from dataclasses import asdict, dataclass, replace

from sweeps.plan.graph import Cell, Plan
from sweeps.state.collapse import CollapseNotes
from sweeps.state.sweep import Sweep
from trainables.steps import TrainResult
from trainables.store import Store
from trainables.store.sealed_json import Damaged, seal, unseal

Group = tuple[str, str, int]
"""Model, target and seed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stopped:
    """A training that was stopped because others of its group were better."""

    step: str
    global_step: int
    """Updates that it had taken, of `global_steps`."""
    global_steps: int
    value: float
    """The dev value then; larger is better."""
    rung: float
    """The number of updates at which it was compared."""
    curve: tuple[tuple[int, float], ...]
    """(update, dev value) of all its evaluations."""

    def __str__(self) -> str:
        return f"stopped at step {self.global_step} of {self.global_steps}, dev {self.value:.1f}"


class Decisions:
    """The trainings that a sweep has stopped, in `STORE/sweeps/SWEEP/stopped/STEP.json`. Their training states stay,
    so a sweep that selects nothing carries them on."""

    def __init__(self, store: Store, sweep: str) -> None:
        self._store, self._folder = store, _folder(store, sweep)
        self.stopped: dict[str, Stopped] = {}
        for entry in store.files.list(self._folder):
            if not entry.name.endswith(".json"):
                continue
            found = _read(store, entry.path)
            if found is not None:
                self.stopped[found.step] = found

    def add(self, stopped: Stopped) -> None:
        """Keep a decision."""
        self.stopped[stopped.step] = stopped
        self._store.files.replace(f"{self._folder}/{stopped.step}.json", seal(asdict(stopped)))


def decision_on(step: str, sweep: str, store: Store) -> Stopped | None:
    """What a sweep has decided of one training; None where it has not stopped it."""
    try:
        return _read(store, f"{_folder(store, sweep)}/{step}.json")
    except FileNotFoundError:
        return None


def _folder(store: Store, sweep: str) -> str:
    return store.at("sweeps", sweep, "stopped")


def _read(store: Store, path: str) -> Stopped | None:
    try:
        note = unseal(store.files.read(path), path)
    except Damaged as error:
        log.warning("%s; that training is carried on", error)
        return None
    curve = tuple((int(step), float(value)) for step, value in note.pop("curve"))
    return Stopped(**note, curve=curve)


def stopped_of(sweep: Sweep) -> dict[str, Stopped]:
    """The trainings of the plan that this sweep has stopped, and that no other has finished since."""
    spec, plan, store = sweep
    if spec.early_stopping.asha is None:
        return {}
    found = Decisions(store, spec.sweep).stopped
    return {step: one for step, one in found.items() if step in plan.steps and not store.done(step)}


def groups_of(plan: Plan) -> dict[str, Group]:
    """The group of each training that a target is scored with, where there is another to compete with."""
    groups: dict[str, Group] = {}
    for cell in plan.cells:
        for variant in cell.variants:
            if variant.training is not None:
                groups.setdefault(variant.training, (cell.model, cell.target, cell.seed))
    sizes = list(groups.values())
    return {step: group for step, group in groups.items() if sizes.count(group) > 1}


def started_from(plan: Plan) -> set[str]:
    """The trainings that other trainings start from."""
    return {need for step in plan.steps.values() if step.kind.leaves_weights for need in step.needs}


def settled(cell: Cell, store: Store, stopped: Container[str]) -> Cell | None:
    """The cell as it is scored: by the variant with the best dev value. None while one is neither done nor stopped, and
    where all are stopped."""
    left = [one for one in cell.variants if one.training not in stopped]
    if not left or not all(store.done(one.evaluation) for one in left):
        return None
    if len(left) > 1:
        left = [max(left, key=lambda one: dev_value(store, one.training))]
    return replace(cell, variants=tuple(left))


def best_of(plan: Plan, store: Store, done: Container[str]) -> dict[tuple[str, str], str]:
    """For each model and target the done training with the highest value on its dev rows, over intermediates, seeds
    and variants; a target that is not trained has none."""
    best: dict[tuple[str, str], tuple[float, str]] = {}
    for cell in plan.cells:
        for variant in cell.variants:
            if variant.training is not None and variant.training in done:
                group, candidate = (cell.model, cell.target), (dev_value(store, variant.training), variant.training)
                best[group] = max(best.get(group, candidate), candidate)
    return {group: step for group, (_, step) in best.items()}


def champions(plan: Plan, store: Store) -> dict[str, str]:
    """For each target the best training (`best_of`) over all models, where its weights are still there. One that has
    collapsed is nobody's champion."""
    notes = CollapseNotes(plan, store)
    done = {s for s in plan.steps if store.done(s) and store.check(s) is None and notes.collapsed(s) is None}
    best: dict[str, tuple[float, str]] = {}
    for (_, target), step in best_of(plan, store, done).items():
        candidate = (dev_value(store, step), step)
        best[target] = max(best.get(target, candidate), candidate)
    return {target: step for target, (_, step) in best.items() if not store.weights_dropped(step)}


def dev_value(store: Store, training: str | None) -> float:
    """The best dev value of a done training; the lowest where none was measured."""
    best = TrainResult.of(store, training).best if training is not None else None
    return float(best["value"]) if best is not None else float("-inf")
