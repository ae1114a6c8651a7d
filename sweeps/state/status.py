"""How a sweep stands in its store, whether it is running or not: the state of every step and of every cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sweeps.plan.graph import Cell, Variant
from sweeps.schedule.states import StepState
from sweeps.state.collapse import CollapseNotes
from sweeps.state.inspection import inspect_steps
from sweeps.state.selection import settled
from sweeps.state.sweep import Sweep
from trainables.store.leases import active_leases

CellState = StepState | Literal["collapsed"]
"""The state of a cell: that of the steps which it needs, or `collapsed` where it is done and a training behind it has
collapsed."""

MOST_TELLING = (StepState.FAILED, StepState.STOPPED, StepState.RUNNING, StepState.PAUSED, StepState.WAITING)
"""Of several states among the steps that a cell needs, the first one here is the cell's."""


@dataclass(frozen=True)
class StepStatus:
    """Where a step is."""

    state: StepState
    """Done, running (a driver that may live holds it), stopped (by a selection), failed, paused (a training state is
    there to go on from) or waiting."""
    collapsed: str | None = None
    """How a done training has collapsed, if it has."""
    problem: str = ""
    """What there is to say of it: who holds it, why it failed, what is damaged."""
    attempts: int | None = None
    """Of a failed step, how many there were."""
    saved: str | None = None
    """Of a paused step, the name of the training state to go on from."""


class SweepStatus:
    """The states of one sweep, as its store has them."""

    def __init__(self, sweep: Sweep) -> None:
        self._plan, self._store = sweep.plan, sweep.store
        self._found, self._collapse = inspect_steps(sweep), CollapseNotes(sweep.plan, sweep.store)
        self._held = active_leases(self._store.files, self._store.root)
        self.steps = {name: self._step(name) for name in self._plan.steps}
        self.cells = [self._cell(cell) for cell in self._plan.cells]
        """The state of every cell of the plan, in its order."""

    def _step(self, name: str) -> StepStatus:
        found = self._found
        if name in found.done:
            return StepStatus(StepState.DONE, collapsed=self._collapse.collapsed(name))
        if name in self._held:
            return StepStatus(StepState.RUNNING, problem=f"held by {self._held[name]}")
        if name in found.stopped:
            return StepStatus(StepState.STOPPED, problem=str(found.stopped[name]))
        if (failure := self._store.failure(name)) is not None:
            return StepStatus(StepState.FAILED, problem=failure["text"], attempts=failure["attempts"])
        if (problem := (found.rejected | found.states).get(name)) is not None:
            return StepStatus(StepState.WAITING, problem=problem)
        saved = self._store.state_name(name)
        return StepStatus(StepState.WAITING if saved is None else StepState.PAUSED, saved=saved)

    def _cell(self, cell: Cell) -> CellState:
        done = settled(cell, self._store, self._found.stopped)
        if done is not None and done.evaluation in self._found.done:
            return StepState.DONE if self._collapse.collapse_behind(done.evaluation) is None else "collapsed"
        states = {state for variant in cell.variants for state in self._on_the_way(variant)}
        return next(state for state in MOST_TELLING if state in states)

    def _on_the_way(self, variant: Variant) -> Iterator[StepState]:
        """The states of all steps that a variant needs, its evaluation included. That data is being prepared is no
        progress of a cell; that it could not be is the end of it."""
        seen, left = set[str](), [variant.evaluation]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                step, state = self._plan.steps[name], self.steps[name].state
                left += step.needs
                preparing = step.kind.preparation and state in (StepState.RUNNING, StepState.PAUSED)
                yield StepState.WAITING if preparing else state
