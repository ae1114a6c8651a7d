"""`xstilts plan`: the steps of a sweep, or what they take, before anything is started."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sweeps.cli.console import (
    Cpus,
    File,
    Gpus,
    GpuType,
    Json,
    Override,
    console,
    new_folder,
    open_store,
    steps_of,
    write_json,
    wrong,
)
from sweeps.cli.estimate import show_chosen, show_estimate
from sweeps.cli.nodes import Nodes, shapes_of
from sweeps.spec.fields import SweepSpec
from sweeps.spec.reading import WrongSpec
from trainables.outside.text import shown
from trainables.steps import groups

if TYPE_CHECKING:
    from sweeps.plan.graph import Plan, Step
    from trainables.recipe.optimisation import Precision
    from trainables.store import Store


def plan(
    file: File,
    override: Override = None,
    as_json: Json = False,
    recipes: Annotated[
        Path | None, typer.Option(help="Write each step's recipe into this folder, for python -m trainables.")
    ] = None,
    gpus: Gpus = None,
    gpu_type: GpuType = None,
    cpus: Cpus = None,
    nodes: Nodes = None,
    fit: Annotated[
        str | None, typer.Option(metavar="MEMORY", help="Say which models 1, 4 and 8 cards of such memory train: 80GB.")
    ] = None,
) -> None:
    """Show the steps of a sweep, what is done, and what is shared. Starts nothing.

    With --nodes, or --gpus (a sweep without GPUs: --cpus), it shows what the rest of the sweep takes instead of each
    step.

    While data of the hub is not pulled yet, the plan is a draft: its steps are the sweep's, their keys are not.
    """
    spec, store = open_store(file, override)
    from sweeps.state.inspection import inspect_steps
    from sweeps.state.precision import of_precision, settle
    from sweeps.state.sweep import Sweep, with_usual_costs

    try:
        settled = settle(spec, store)
    except WrongSpec as error:
        wrong(error.lines)
    plan, missing = _plan_or_draft(spec, file, settled.precision)
    if missing and recipes is not None:
        wrong(missing)
    if fit is not None:
        return _show_fit(plan, store, fit, gpu_type, as_json)
    plan = with_usual_costs(plan)
    done = inspect_steps(Sweep(spec, plan, store)).done
    if nodes and (gpus or cpus):
        wrong(["--nodes: says how many GPUs and CPUs there are; leave out --gpus and --cpus"])
    price, chosen, missing_memory = None, [], []  # type: Any, list[str], list[str]
    if nodes or gpus or cpus or gpu_type:
        from sweeps.schedule.estimate import Devices, NoEstimate, estimate_sweep
        from sweeps.schedule.nodes import NodeShape

        there = shapes_of(nodes) if nodes else [NodeShape(cpus or inf, gpus or 0)]
        try:
            price, plan = estimate_sweep(plan, store, Devices(there, gpu_type))
            missing_memory = list(price.lacks)
        except NoEstimate as error:
            wrong([str(error)])
    elif not any(step.demand.gpus for step in plan.steps.values()):
        from sweeps.schedule.auto import choose_for
        from sweeps.schedule.nodes import this_machine
        from sweeps.schedule.reasons import lacks, reasons

        estimated, made = choose_for(plan, store, done, [this_machine()])
        plan, chosen, missing_memory = estimated.plan, reasons(made), lacks(made)
    if recipes is not None:
        new_folder(recipes, "--recipes").mkdir(parents=True, exist_ok=True)
        for step in plan.steps.values():
            for name, part in (("", step.recipe), (".execution", step.execution)):
                (recipes / f"{step.id}{name}.json").write_text(json.dumps(part.model_dump(mode="json"), indent=1))
    from sweeps.plan.remarks import known_without_rows, remarks_of

    remarks = [*of_precision(spec, settled, plan), *(known_without_rows if missing else remarks_of)(plan, spec)]
    if as_json:
        extra = {
            "remarks": remarks,
            **({"price": price.to_json()} if price else {}),
            **({"lacks": missing_memory} if missing_memory else {}),
            **({"draft": missing} if missing else {}),
        }
        write_json({**steps_of(plan, lambda name: _said(plan.steps[name], done)), **extra})
        return _end(file, missing_memory)
    if price is None:
        console.print(_steps_table(spec, plan, done))
        show_chosen(chosen, console)
    else:
        show_estimate(price, console)
    of_group = {group: [s for s in plan.steps.values() if s.kind.group == group] for group in groups()}
    counts = ", ".join(f"{len(steps)} {group}{_roles(steps, done)}" for group, steps in of_group.items() if steps)
    console.print(
        f"Cells (model x intermediate x target x seed): {len(plan.cells)}. Steps: {counts}.\n"
        f"Train steps cell by cell, each from the starting model on: {plan.unshared_train_steps}.",
        highlight=False,
    )
    for line in remarks:
        console.print(f"- {line}", style="yellow", highlight=False, soft_wrap=True)
    for line in missing:
        console.print(f"a draft: {line}", style="yellow", highlight=False, soft_wrap=True)
    if recipes is not None:
        console.print(f"recipes and executions: {recipes}", highlight=False)
    _end(file, missing_memory)


def _show_fit(plan: Plan, store: Store, option: str, gpu_type: str | None, as_json: bool) -> None:
    from sweeps.cli.fit import card_bytes, fit_table
    from sweeps.cost.throughput import DEVICES, USUAL
    from sweeps.schedule.fit import fits

    size = card_bytes(option)
    if gpu_type is not None and gpu_type not in DEVICES:
        wrong([f"--gpu-type {shown(gpu_type)[1:-1]}: one of {', '.join(DEVICES)}"])
    found, unknown = fits(plan, store, size, gpu_type)
    if as_json:
        rows = [{**asdict(one), "execution": one.execution.model_dump(mode="json")} for one in found]
        return write_json({"fits": rows, "unknown": unknown})
    if found:
        console.print(fit_table(found, option, gpu_type or USUAL))
    for model, hub in unknown.items():
        line = f"- {model}: the shape of {hub} is not known here; download it: hf download {hub} config.json"
        console.print(line, style="yellow", highlight=False, soft_wrap=True)


def _end(file: Path, lacks: list[str]) -> None:
    """End as a wrong request where steps fit in no way."""
    if lacks:
        wrong([f"{file}: {line}" for line in lacks])


def _said(step: Step, done: set[str]) -> dict[str, Any]:
    """What there is to say of a step for programs."""
    from sweeps.schedule.candidates import CHOSEN

    execution = {name: value for name, value in step.execution.model_dump(mode="json").items() if name in CHOSEN}
    return {"done": step.id in done, "cost": asdict(step.cost), "execution": execution}


def _roles(steps: list[Step], done: set[str]) -> str:
    """What trainings are for: one that is both an intermediate and a target counts in both."""
    trained = [step for step in steps if step.kind.leaves_weights]
    if not trained:
        return ""
    phases = ("pretrain", "intermediate", "target")
    counts = [f"{sum(phase in step.phases for step in trained)} {phase}" for phase in phases]
    both = sum(len(step.phases) > 1 for step in trained)
    counts[-1] += f", {both} of them both" if both else ""
    return f" ({', '.join(counts)}; {sum(step.id not in done for step in trained)} to do)"


def _steps_table(spec: SweepSpec, plan: Plan, done: set[str]) -> Table:
    table = Table(title=f"{spec.sweep}: {len(plan.steps)} steps", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("state", "kind", "step", "key"):
        table.add_column(heading, overflow="fold")
    for step in plan.steps.values():
        table.add_row(Text("done", "green") if step.id in done else "to do", step.kind.group, step.name, step.id)
    return table


def _plan_or_draft(spec: SweepSpec, file: Path, precision: Precision) -> tuple[Plan, list[str]]:
    """The plan; where data of the hub is still to be pulled a draft of it, and what is missing."""
    from sweeps.plan.planner import make_plan
    from sweeps.plan.requirements import draft_of

    try:
        return make_plan(spec, str(file), precision=precision), []
    except WrongSpec as error:
        if "hub" not in spec.data.values():
            return wrong(error.lines)
        try:
            return draft_of(spec, file, precision), error.lines
        except WrongSpec as other:  # that is not for want of data
            return wrong(other.lines)
