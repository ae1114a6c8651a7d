"""`xstilts suggest`: what to run next of a sweep, for a budget; and running it, in rounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from math import inf
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from sweeps.cli.carry_out import Address, Cluster, Preflight, carry_out
from sweeps.cli.console import Cpus, File, Gpus, GpuType, Json, Override, console, load_sweep, write_json, wrong
from sweeps.cli.nodes import MayGrowTo, shapes_of

if TYPE_CHECKING:
    from sweeps.plan.graph import Plan
    from sweeps.schedule.estimate import Devices
    from sweeps.schedule.nodes import NodeShape
    from sweeps.state.sweep import Sweep
    from sweeps.suggest.choice import Suggestion
    from sweeps.suggest.rounds import Round
    from sweeps.suggest.suggestions import Predicted

SHOWN = 20
"""Lines of the table, at most."""


def suggest(
    file: File,
    budget: Annotated[float, typer.Option(help="Device-hours: of GPUs, or of CPUs without any.")],
    override: Override = None,
    by: Annotated[
        str, typer.Option(help="dev: predict by English dev rows. zero-shot: by the target languages' test rows.")
    ] = "dev",
    aim: Annotated[
        str, typer.Option("--for", help="regret (the best intermediate of each target) or uncertainty (of the table).")
    ] = "regret",
    run: Annotated[bool, typer.Option("--run", help="Carry them out, in rounds, until the budget is spent.")] = False,
    gpus: Gpus = None,
    gpu_type: GpuType = None,
    cpus: Cpus = None,
    address: Address = None,
    nodes: MayGrowTo = None,
    preflight: Preflight = True,
    as_json: Json = False,
) -> None:
    """Name the cells that tell most for their price, predicted from those that are done.

    Hours are those of --gpus and --gpu-type, or of this machine. With --run: of the cluster at --address, else of Ray
    here; and those of earlier rounds count, so the same command goes on after it was stopped."""
    if not 0 < budget < inf:
        wrong([f"--budget {budget:g}: give hours above 0"])
    if by not in ("dev", "zero-shot"):
        wrong([f"--by {by}: dev or zero-shot"])
    if aim not in ("regret", "uncertainty"):
        wrong([f"--for {aim}: regret or uncertainty"])
    if run and as_json:
        wrong(["--json: shows what is suggested; leave out --run"])
    if run and (gpus or gpu_type):
        wrong([f"--{'gpus' if gpus else 'gpu-type'}: with --run hours are of what carries it out; leave it out"])
    from sweeps.suggest.choice import TooLittle
    from sweeps.suggest.rounds import InRounds
    from sweeps.suggest.suggestions import CannotPredict
    from sweeps.suggest.suggestions import suggest as suggested

    def rounds(sweep: Sweep) -> Iterator[Collection[str]]:
        from cluster.connect import connected
        from sweeps.runtime.run import PRELOAD

        with ExitStack() as ray:
            if address is not None:
                ray.enter_context(connected(address, cpus, PRELOAD))
            prices = _nodes_at_hand(cpus, shapes_of(nodes or []))
            found = InRounds(sweep, lambda: _priced(sweep, prices), by, aim, budget)  # type: ignore[arg-type]
            for one in found:
                ray.enter_context(connected(address, cpus, PRELOAD))  # once: it stays for all rounds
                _show_round(one, sweep)
                yield one.steps
            more = "" if found.complete else "; to go on, give more"
            console.print(f"spent        {found.spent:.3g} of {budget:g} hours{more}", highlight=False)

    try:
        if run:
            carry_out(file, override, Cluster(address, cpus, nodes or [], preflight), rounds)
            return
        sweep = load_sweep(file, override)
        priced = _priced(sweep, _devices(gpus, gpu_type, cpus))
        predicted, chosen = suggested(sweep, priced, by, aim, budget)  # type: ignore[arg-type]
    except (TooLittle, CannotPredict) as problem:
        wrong([f"{file}: {problem}"])
    if as_json:
        write_json(_json(predicted, chosen))
        return
    if not chosen:
        console.print("all cells are done: there is nothing to suggest", highlight=False)
        return
    _show(chosen, priced, sweep, known=bool(predicted.scores.seen.any()))
    for line in [*_trust(predicted), *_remarks(predicted, by)]:
        console.print(f"- {line}", highlight=False, soft_wrap=True)


def _devices(gpus: int | None, gpu_type: str | None, cpus: int | None) -> Devices:
    """The devices that were asked for, or those of this machine."""
    from sweeps.schedule.estimate import Devices, NoEstimate
    from sweeps.schedule.nodes import NodeShape, this_machine

    devices = Devices([NodeShape(cpus or inf, gpus or 0)] if gpus or cpus or gpu_type else [this_machine()], gpu_type)
    try:
        devices.check()
    except NoEstimate as problem:
        wrong([str(problem)])
    return devices


def _nodes_at_hand(cpus: int | None, may_grow_to: Sequence[NodeShape]) -> Devices:
    """The devices that steps are about to be carried out on."""
    from cluster.connect import nodes_at_hand
    from sweeps.schedule.estimate import Devices
    from sweeps.schedule.nodes import NodeShape

    return Devices(may_grow_to or [NodeShape(*one) for one in nodes_at_hand(cpus)])


def _priced(sweep: Sweep, devices: Devices) -> Plan:
    """The plan with the costs of its steps on these devices."""
    from sweeps.schedule.auto import choose_for
    from sweeps.state.inspection import inspect_steps

    done = inspect_steps(sweep).done
    return choose_for(sweep.plan, sweep.store, done, devices.nodes, devices.gpu_type)[0].plan


def _show(chosen: list[Suggestion], priced: Plan, sweep: Sweep, known: bool) -> None:
    """A line for each cell; `known`: whether there is any score to predict from."""
    from sweeps.suggest.prices import Prices

    unit = Prices(priced).unit
    table = Table(title=f"{sweep.name}: what to run next", title_justify="left")
    for heading in ("", "cell"):
        table.add_column(heading)
    for heading in ("steps", unit, "in all", "score, 90 %", "regret spared", "uncertainty"):
        table.add_column(heading, justify="right")
    spent = 0.0
    for number, one in enumerate(chosen, 1):
        spent += one.hours
        if number > SHOWN:
            continue
        table.add_row(
            str(number),
            _name(one, sweep),
            str(len(one.steps)),
            f"{one.hours:.2g}",
            f"{spent:.2g}",
            f"{one.expected:.1f} ({one.low:.1f} to {one.high:.1f})" if known else "not known",
            f"{one.regret:.2f}",
            f"-{100 * one.uncertainty:.0f} %",
        )
    console.print(table)
    if len(chosen) > SHOWN:
        console.print(f"and {len(chosen) - SHOWN} more, {spent:.2g} {unit} in all", highlight=False)


def _name(one: Suggestion, sweep: Sweep) -> str:
    model = f"{one.cell.model}: " if len(sweep.spec.models) > 1 else ""
    return f"{model}{one.cell.intermediate} -> {one.cell.target} · seed {one.cell.seed}"


def _show_round(one: Round, sweep: Sweep) -> None:
    cells = ", ".join(_name(of, sweep) for of in one.chosen[:3])
    more = f" and {len(one.chosen) - 3} more" if len(one.chosen) > 3 else ""
    said = f"round {one.number}: {cells}{more}; {one.left:.3g} hours are left"
    console.print(said, highlight=False, soft_wrap=True)


def _trust(predicted: Predicted) -> list[str]:
    """How far predictions can be trusted."""
    scores, found = predicted.scores, predicted.calibration
    known = f"predicted from {int(scores.done.sum())} of {len(scores.cells)} cells"
    if found.entry is None:
        few = f"only {found.hidden} entries are done" if found.hidden else "too few entries are done"
        return [f"{known}; {few}, so intervals are the model's own and not calibrated (9 are the least)"]
    return [
        f"{known}; intervals are calibrated on {found.hidden} entries that were hidden one after the other (conformal, "
        f"mean error {found.error:.1f} points), and hold for cells that are like the done ones"
    ]


def _remarks(predicted: Predicted, by: str) -> list[str]:
    """What a reader must know of the choice."""
    left_out = (
        [f"no score on dev rows, so not predicted: {', '.join(predicted.left_out)}"] if predicted.left_out else []
    )
    if by == "zero-shot":
        return [
            "scores are zero-shot, on TEST rows of the target languages: what is run is then chosen on what the table "
            "shows, and the best of it looks better than it is; the table after xstilts suggest --run says so",
            *left_out,
        ]
    return ["scores are of dev rows in the training language; no row of a target language has a say in this", *left_out]


def _json(predicted: Predicted, chosen: list[Suggestion]) -> dict[str, Any]:
    said = [{**asdict(one), "cell": {k: v for k, v in asdict(one.cell).items() if k != "variants"}} for one in chosen]
    entries = [
        {"model": model, "intermediate": intermediate, "target": target, "expected": value}
        for (model, intermediate, target), value in predicted.entries.items()
    ]
    return {"suggestions": said, "entries": entries, "calibration": asdict(predicted.calibration)}
