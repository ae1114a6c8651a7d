"""How an estimate is shown: `xstilts plan FILE --gpus N`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sweeps.schedule.estimate import SweepEstimate


def show_estimate(found: SweepEstimate, console: Console) -> None:
    """Print an estimate for a person."""
    unit = "GPU" if found.gpus else "CPU"
    table = Table(box=SIMPLE_HEAD)
    for heading in ("phase", "steps", "tokens", "FLOPs", f"{unit}-hours"):
        table.add_column(heading, justify="left" if heading == "phase" else "right")
    for phase in found.phases:
        held = phase.phase != "prepare" or not found.gpus
        hours = f"{phase.device_hours:,.1f}" if held else f"({phase.device_hours:,.1f} CPU)"
        table.add_row(phase.phase, f"{phase.steps:,}", _amount(phase.tokens), _amount(phase.flops), hours)
    totals = (sum(getattr(phase, name) for phase in found.phases) for name in ("steps", "tokens", "flops"))
    steps, tokens, flops = totals
    table.add_section()
    table.add_row("total", f"{steps:,}", _amount(tokens), _amount(flops), f"{found.device_hours:,.1f}")
    console.print(table)
    there = f"{found.gpus} {found.device}" if found.gpus else f"{found.cpus} CPUs"
    busy = found.device_hours / (found.wall_hours * (found.gpus or found.cpus or 1)) if found.wall_hours else 0.0
    lines = {
        "wall clock": f"{_span(found.wall_hours)} on {there}, by simulating this schedule; {100 * busy:.1f} % held",
        "lower bound": f"{_span(found.bound_hours)}: the longest path takes {_span(found.longest_path_hours)}, "
        f"the work over all {unit}s {_span(found.work_hours)}",
        "two barriers": f"{_span(found.two_barriers_hours)}: all intermediates, then all targets, then evaluation",
        "unshared grid": f"{_span(found.unshared_hours)} and {found.unshared_device_hours:,.1f} {unit}-hours: "
        "every cell by itself from the starting model on",
    }
    for name, line in lines.items():
        console.print(f"{name:14}{line}", highlight=False, soft_wrap=True)
    show_chosen(found.chosen, console)
    console.print("assumed:")
    for line in found.assumed:
        console.print(f"- {line}", highlight=False, soft_wrap=True)


def show_chosen(lines: Iterable[str], console: Console) -> None:
    """Print how steps are carried out."""
    console.print("carried out:")
    for line in lines:
        console.print(f"- {line}", highlight=False, soft_wrap=True)


def _amount(value: float) -> str:
    """1.2 G, 3.4 P: three digits and a letter for the power of a thousand.

    >>> _amount(1.234e15)
    '1.23 P'
    """
    for letter in ("", " k", " M", " G", " T", " P", " E", " Z"):
        if value < 999.5:
            return f"{value:.3g}{letter}"
        value /= 1000
    return f"{value:.3g} Y"


def _span(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.1f} min"
    return f"{hours:,.1f} h" if hours < 100 else f"{hours:,.0f} h ({hours / 24:,.1f} days)"
