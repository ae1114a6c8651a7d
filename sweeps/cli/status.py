"""`xstilts status` and `xstilts gc`: how a sweep stands in its store, and what may leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.console import File, Json, Override, console, load_sweep, see_sweep, steps_of, write_json

if TYPE_CHECKING:
    from sweeps.plan.graph import Plan
    from sweeps.spec.fields import SweepSpec
    from sweeps.state.garbage import Collected
    from trainables.store import Store


def status(file: File, override: Override = None, as_json: Json = False) -> None:
    """Show what of a sweep is done, as the store has it."""
    spec, plan, store = see_sweep(file, override)
    from sweeps.state.status import SweepStatus

    found = SweepStatus(spec, plan, store)
    if as_json:
        shown = steps_of(plan, lambda name: {"done": found.steps[name]["state"] == "done", **found.steps[name]})
        cells = [
            {"model": c.model, "intermediate": c.intermediate, "target": c.target, "seed": c.seed, "state": state}
            for c, state in zip(plan.cells, found.cells, strict=True)
        ]
        write_json({**shown, "cells": cells})
        return
    for table in found.matrices():
        console.print(table)
    if plan.cells:
        console.print(found.legend(), highlight=False)
    for kind in ("prepare", "train", "evaluate"):
        of_kind = [step for step in plan.steps.values() if step.kind == kind]
        done = [step for step in of_kind if found.steps[step.id]["state"] == "done"]
        console.print(f"{kind:9} {len(done)} of {len(of_kind)} done", highlight=False)
        for step in of_kind:
            state, collapsed = found.steps[step.id]["state"], found.steps[step.id]["collapsed"]
            if collapsed is not None:
                console.print(f"          collapsed {step.name} ({collapsed})", highlight=False, markup=False)
            if state != "done":
                console.print(f"          {state:9} {step.name}", highlight=False, markup=False)
            for line in found.steps[step.id].get("problem", "").splitlines():
                console.print(f"                    {line}", highlight=False, markup=False, soft_wrap=True)


def gc(
    file: File,
    override: Override = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be freed; free nothing.")] = False,
) -> None:
    """Free what no step needs: weights as the sweep file says (keep), remains of what was cut off."""
    spec, plan, store = load_sweep(file, override)
    found = _collect(spec, plan, store, dry_run)
    for one in found.freed:
        console.print(f"{one.path}: {one.why}", highlight=False, markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    console.print(f"{'would free' if dry_run else 'freed'} {found}", highlight=False, soft_wrap=True)


def free(spec: SweepSpec, plan: Plan, store: Store) -> None:
    """What `xstilts run` does at its end: as `gc`, and a line where something was freed."""
    found = _collect(spec, plan, store, dry_run=False)
    if found.freed:
        console.print(f"freed        {found}", highlight=False, soft_wrap=True)


def _collect(spec: SweepSpec, plan: Plan, store: Store, dry_run: bool) -> Collected:
    from sweeps.state.garbage import collect
    from trainables.store import Leases

    with Leases(store) as leases:
        return collect(spec, plan, store, leases, dry_run)
