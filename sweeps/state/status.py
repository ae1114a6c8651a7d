"""How a sweep stands in its store, whether it is running or not: the state of every step and of every cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from sweeps.plan.graph import Cell, Plan, Variant
from sweeps.spec.fields import SweepSpec
from sweeps.state.collapse import CollapseNotes
from sweeps.state.inspection import inspect_steps
from sweeps.state.selection import settled
from trainables.store import Store
from trainables.store.leases import active_leases

SIGNS = {
    "failed": ("✗", "red"),
    "stopped": ("‡", "yellow"),
    "running": ("▸", "green"),
    "paused": ("‖", "yellow"),
    "to do": ("·", "dim"),
    "collapsed": ("†", "magenta"),
    "done": ("✓", "green"),
}
"""Of a cell, the sign and the colour of its state. Of several states on its way the first one here is shown."""


class SweepStatus:
    """The states of one sweep.

    Of a step: `done`, `running` (a driver that may live has it), `stopped` (by a selection), `failed`, `paused` (a
    training state is there to go on from), `to do`.
    """

    def __init__(self, spec: SweepSpec, plan: Plan, store: Store) -> None:
        self._spec, self._plan, self._store = spec, plan, store
        self._found, self._marks = inspect_steps(spec, plan, store), CollapseNotes(plan, store)
        self._held = active_leases(store.files, store.root)
        self.steps = {name: self._step(name) for name in plan.steps}
        """Of every step its `state`, how it has `collapsed`, if so, and what there is to say of it as `problem`."""
        self.cells = [self._cell(cell) for cell in plan.cells]
        """The state of every cell of the plan, in its order: the same words, or `collapsed` for one that is done with
        a training behind it that has collapsed."""

    def _step(self, name: str) -> dict[str, Any]:
        found, said = self._found, dict[str, Any]()
        if name in found.done:
            return {"state": "done", "collapsed": self._marks.collapsed(name)}
        if name in self._held:
            said = {"state": "running", "problem": f"in the hands of {self._held[name]}"}
        elif name in found.stopped:
            said = {"state": "stopped", "problem": str(found.stopped[name])}
        elif (failure := self._store.failure(name)) is not None:
            said = {"state": "failed", "attempts": failure["attempts"], "problem": failure["text"]}
        elif (problem := (found.rejected | found.states).get(name)) is not None:
            said = {"state": "to do", "problem": problem}
        else:
            said = {"state": "paused" if self._store.paused(name) else "to do"}
        return {**said, "collapsed": None}

    def _cell(self, cell: Cell) -> str:
        done = settled(cell, self._store, self._found.stopped)
        if done is not None and done.evaluation in self._found.done:
            return "done" if self._marks.collapse_behind(done.evaluation) is None else "collapsed"
        states = {state for variant in cell.variants for state in self._on_the_way(variant)} - {"done"}
        return next(state for state in SIGNS if state in states)

    def _on_the_way(self, variant: Variant) -> Iterator[str]:
        """The states of all steps that a variant needs, its evaluation included. That data is being prepared is no
        progress of a cell; that it could not be is the end of it."""
        seen, left = set[str](), [variant.evaluation]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                step, state = self._plan.steps[name], self.steps[name]["state"]
                left += step.needs
                yield "to do" if step.kind == "prepare" and state in ("running", "paused") else state

    def matrices(self) -> list[Table]:
        """For each model: rows intermediates, columns targets, in each entry a sign for each seed."""
        seeds = ", ".join(map(str, self._spec.seeds))
        each = f"a sign for each seed ({seeds})" if len(self._spec.seeds) > 1 else f"seed {seeds}"
        found = []
        for model in self._spec.models:
            title = f"{self._spec.sweep} · {model}: {each}"
            table = Table(title=title, title_justify="left", min_width=len(title))
            table.add_column("intermediate")
            shown: dict[tuple[str, str], str] = {}
            for cell, state in zip(self._plan.cells, self.cells, strict=True):
                if cell.model == model:
                    sign, colour = SIGNS[state]
                    key = (cell.intermediate, cell.target)
                    shown[key] = shown.get(key, "") + f"[{colour}]{sign}[/]"
            targets = list(dict.fromkeys(target for _, target in shown))
            for target in targets:
                table.add_column(target, justify="center")
            for intermediate in dict.fromkeys(one for one, _ in shown):
                table.add_row(intermediate, *(shown[intermediate, target] for target in targets))
            found.append(table)
        return found

    def legend(self) -> str:
        """The signs that the matrices have, with how many cells each."""
        counts = Counter(self.cells)
        return "   ".join(f"{SIGNS[state][0]} {counts[state]} {state}" for state in SIGNS if counts[state])
