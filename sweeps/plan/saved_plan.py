"""The plan of a sweep as its last run had it, in `STORE/sweeps/SWEEP/plan.json`.

A plan names its data by the hash of its bytes, so it cannot be made where the data is not. What only looks at a sweep
(`status`, `results`, `report`) then goes by the plan that was kept.
"""

from __future__ import annotations

from dataclasses import asdict

from sweeps.plan.graph import Cell, Cost, Plan, Role, Step, Variant
from trainables.recipe.execution import Execution
from trainables.steps import read_recipe
from trainables.store import Store
from trainables.store.sealed_json import Damaged, seal, unseal


def save_plan(plan: Plan, sweep: str, store: Store) -> None:
    """Keep the plan, unless it is the one that is kept. Raises StoreError where the store cannot be written."""
    steps = [
        {
            "recipe": step.recipe.model_dump(mode="json"),
            "execution": step.execution.model_dump(mode="json"),
            "roles": [asdict(role) for role in step.roles],
            "cost": asdict(step.cost),
        }
        for step in plan.steps.values()
    ]
    cells = [asdict(cell) for cell in plan.cells]
    path = store.at("sweeps", sweep, "plan.json")
    text = seal({"steps": steps, "cells": cells, "unshared_train_steps": plan.unshared_train_steps})
    try:
        if store.files.read(path) == text:
            return
    except FileNotFoundError:
        pass
    store.files.replace(path, text)


def load_saved_plan(sweep: str, store: Store) -> Plan | None:
    """The plan that was kept; None where there is none that this version can read."""
    path = store.at("sweeps", sweep, "plan.json")
    try:
        kept = unseal(store.files.read(path), path)
        steps = [
            Step(
                read_recipe(one["recipe"]),
                tuple(Role(**role) for role in one["roles"]),
                Execution(**one["execution"]),
                Cost(**one["cost"]),
            )
            for one in kept["steps"]
        ]
        cells = [
            Cell(**{**cell, "variants": tuple(Variant(**one) for one in cell["variants"])}) for cell in kept["cells"]
        ]
        return Plan({step.id: step for step in steps}, tuple(cells), kept["unshared_train_steps"])
    except (FileNotFoundError, Damaged, ValueError, KeyError, TypeError):
        return None
