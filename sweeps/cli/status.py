"""`xstilts status` and `xstilts gc`: how a sweep stands in its store, and what may be deleted from it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from sweeps.cli.console import File, Json, Override, console, load_sweep, see_sweep, steps_of, write_json
from sweeps.schedule.states import StepState
from trainables.steps import groups

if TYPE_CHECKING:
    from sweeps.plan.graph import Plan
    from sweeps.state.garbage import Collected
    from sweeps.state.status import CellState, StepStatus
    from sweeps.state.sweep import Sweep

SIGNS: dict[CellState, tuple[str, str]] = {
    StepState.FAILED: ("✗", "red"),
    StepState.STOPPED: ("‡", "yellow"),
    StepState.RUNNING: ("▸", "green"),
    StepState.PAUSED: ("‖", "yellow"),
    StepState.WAITING: ("·", "dim"),
    "collapsed": ("†", "magenta"),
    StepState.DONE: ("✓", "green"),
}
"""Of a cell, the sign and the colour of its state."""


def status(file: File, override: Override = None, as_json: Json = False) -> None:
    """Show what of a sweep is done, as the store has it."""
    sweep = see_sweep(file, override)
    plan = sweep.plan
    from sweeps.state.status import SweepStatus

    found = SweepStatus(sweep)
    if as_json:
        write_json({**steps_of(plan, lambda name: _json(found.steps[name])), "cells": _cells(plan, found.cells)})
        return
    for table in matrices(sweep, found.cells):
        console.print(table)
    if plan.cells:
        console.print(legend(found.cells), highlight=False)
    for group in groups():
        of_kind = [step for step in plan.steps.values() if step.kind.group == group]
        if not of_kind and group not in ("prepare", "train", "evaluate"):
            continue
        done = [step for step in of_kind if found.steps[step.id].state is StepState.DONE]
        console.print(f"{group:9} {len(done)} of {len(of_kind)} done", highlight=False)
        for step in of_kind:
            its = found.steps[step.id]
            if its.collapsed is not None:
                console.print(f"          collapsed {step.name} ({its.collapsed})", highlight=False)
            if its.state is not StepState.DONE:
                console.print(f"          {its.state.value:9} {step.name}", highlight=False)
            for line in its.problem.splitlines():
                console.print(f"                    {line}", highlight=False, soft_wrap=True)


def _json(status: StepStatus) -> dict[str, Any]:
    """What `--json` has of a step beside the plan."""
    said = {"state": status.state.value, "problem": status.problem or None, "attempts": status.attempts}
    said["saved"] = status.saved
    given = {name: value for name, value in said.items() if value is not None}
    return {"done": status.state is StepState.DONE, **given, "collapsed": status.collapsed}


def _cells(plan: Plan, states: list[CellState]) -> list[dict[str, Any]]:
    return [
        {"model": c.model, "intermediate": c.intermediate, "target": c.target, "seed": c.seed, "state": str(state)}
        for c, state in zip(plan.cells, states, strict=True)
    ]


def matrices(sweep: Sweep, states: list[CellState]) -> list[Table]:
    """For each model: rows intermediates, columns targets, in each entry a sign for each seed."""
    seeds = ", ".join(map(str, sweep.spec.seeds))
    each = f"a sign for each seed ({seeds})" if len(sweep.spec.seeds) > 1 else f"seed {seeds}"
    found = []
    for model in sweep.spec.models:
        title = f"{sweep.name} · {model}: {each}"
        table = Table(title=title, title_justify="left", min_width=len(title))
        table.add_column("intermediate")
        shown: dict[tuple[str, str], Text] = {}
        for cell, state in zip(sweep.plan.cells, states, strict=True):
            if cell.model == model:
                sign, colour = SIGNS[state]
                key = (cell.intermediate, cell.target)
                shown.setdefault(key, Text()).append(sign, colour)
        targets = list(dict.fromkeys(target for _, target in shown))
        for target in targets:
            table.add_column(target, justify="center")
        for intermediate in dict.fromkeys(one for one, _ in shown):
            table.add_row(intermediate, *(shown[intermediate, target] for target in targets))
        found.append(table)
    return found


def legend(states: list[CellState]) -> str:
    """The signs that the matrices have, with how many cells each."""
    counts = Counter(states)
    return "   ".join(f"{sign} {counts[state]} {state}" for state, (sign, _) in SIGNS.items() if counts[state])


def gc(
    file: File,
    override: Override = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be freed; free nothing.")] = False,
) -> None:
    """Free what no step needs: weights as the sweep file says (keep), leftovers of interrupted attempts."""
    found = _collect(load_sweep(file, override), dry_run)
    for one in found.freed:
        console.print(f"{one.path}: {one.why}", highlight=False, soft_wrap=True)
    for note in found.notes:
        console.print(note, highlight=False, soft_wrap=True)
    console.print(f"{'would free' if dry_run else 'freed'} {found}", highlight=False, soft_wrap=True)


def free(sweep: Sweep) -> None:
    """What `xstilts run` does at its end: as `gc`, and a line where something was freed."""
    found = _collect(sweep, dry_run=False)
    if found.freed:
        console.print(f"freed        {found}", highlight=False, soft_wrap=True)


def _collect(sweep: Sweep, dry_run: bool) -> Collected:
    from sweeps.state.garbage import collect
    from trainables.store import Leases

    with Leases(sweep.store.files, sweep.store.root) as leases:
        return collect(sweep, leases, dry_run)
