"""`xstilts plan FILE --gpus N`: what a sweep takes before it is started, and what that rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sweeps.cli.console import wrong
from sweeps.cost.flops import Priced, priced
from sweeps.cost.throughput import DEVICES, START_UP, USUAL, UTILISATION, throughput_on
from sweeps.plan.graph import Plan, phase_of
from sweeps.spec.fields import SweepSpec
from trainables.recipe.recipes import TrainRecipe
from trainables.store import Store

PHASES = ("prepare", "pretrain", "intermediate", "target", "evaluate")


@dataclass(frozen=True)
class PhasePrice:
    """What the steps of a phase take that are not done."""

    phase: str
    steps: int
    tokens: float
    flops: float
    device_hours: float
    """GPU-hours; CPU-hours of what has no GPU."""


@dataclass(frozen=True)
class Price:
    """What is left of a sweep takes."""

    device: str
    gpus: int
    cpus: int | None
    """None: as many as are wanted."""
    phases: tuple[PhasePrice, ...]
    wall_hours: float
    """By simulation of the schedule."""
    longest_path_hours: float
    work_hours: float
    """Work over devices. No schedule goes below the larger of this and the longest path."""
    two_barriers_hours: float
    naive_hours: float
    naive_device_hours: float
    assumed: tuple[str, ...]

    @property
    def bound_hours(self) -> float:
        return max(self.longest_path_hours, self.work_hours)

    @property
    def device_hours(self) -> float:
        """Of all phases; prepare steps hold CPUs alone, and count where there is no GPU."""
        return sum(phase.device_hours for phase in self.phases if phase.phase != "prepare" or not self.gpus)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bound_hours": self.bound_hours, "device_hours": self.device_hours}

    def show(self, console: Console) -> None:
        """Print it for a person."""
        unit = "GPU" if self.gpus else "CPU"
        table = Table(box=SIMPLE_HEAD)
        for heading in ("phase", "steps", "tokens", "FLOPs", f"{unit}-hours"):
            table.add_column(heading, justify="left" if heading == "phase" else "right")
        for phase in self.phases:
            held = phase.phase != "prepare" or not self.gpus
            hours = f"{phase.device_hours:,.1f}" if held else f"({phase.device_hours:,.1f} CPU)"
            table.add_row(phase.phase, f"{phase.steps:,}", _amount(phase.tokens), _amount(phase.flops), hours)
        totals = (sum(getattr(phase, name) for phase in self.phases) for name in ("steps", "tokens", "flops"))
        steps, tokens, flops = totals
        table.add_section()
        table.add_row("total", f"{steps:,}", _amount(tokens), _amount(flops), f"{self.device_hours:,.1f}")
        console.print(table)
        there = f"{self.gpus} {self.device}" if self.gpus else f"{self.cpus} CPUs"
        busy = self.device_hours / (self.wall_hours * (self.gpus or self.cpus or 1)) if self.wall_hours else 0.0
        lines = {
            "wall clock": f"{_span(self.wall_hours)} on {there}, by simulating this schedule; {100 * busy:.1f} % held",
            "lower bound": f"{_span(self.bound_hours)}: the longest path takes {_span(self.longest_path_hours)}, "
            f"the work over all {unit}s {_span(self.work_hours)}",
            "two barriers": f"{_span(self.two_barriers_hours)}: all intermediates, then all targets, then evaluation",
            "naive grid": f"{_span(self.naive_hours)} and {self.naive_device_hours:,.1f} {unit}-hours: "
            "every cell by itself from the starting model on",
        }
        for name, line in lines.items():
            console.print(f"{name:13}{line}", highlight=False, soft_wrap=True)
        console.print("assumed:")
        for line in self.assumed:
            console.print(f"- {line}", highlight=False, markup=False, soft_wrap=True)


def price_of(
    spec: SweepSpec, plan: Plan, store: Store, gpus: int | None, gpu_type: str | None, cpus: int | None
) -> tuple[Price, Plan]:
    """The price of what the store has not, and the plan with the cost of each step; ends the program where none can
    be had."""
    _check(spec, gpus, gpu_type, cpus)
    made = priced(plan, throughput_on((gpu_type or USUAL) if gpus else None), store)
    plan, there = made.plan, (float(cpus or inf), float(gpus or 0))
    for step in plan.steps.values():
        for option, wants, has in zip(("--cpus", "--gpus"), step.resources, there, strict=True):
            if wants > has:
                wrong([f"{option} {has:g}: {step.name} wants {wants:g}; lower execution.workers, or plan for more"])
    from sweeps.schedule.simulate import bounds, naive, simulate, two_barriers, work  # imports Ray

    done = {name for name in plan.steps if store.done(name)}
    kind = 1 if gpus else 0
    path, least = bounds(plan, done, *there)
    grid = naive(plan, done)
    price = Price(
        device=made.throughput.name,
        gpus=gpus or 0,
        cpus=cpus,
        phases=tuple(_phase(plan, done, phase) for phase in PHASES),
        wall_hours=simulate(plan, done, *there).seconds / 3600,
        longest_path_hours=path / 3600,
        work_hours=least / 3600,
        two_barriers_hours=two_barriers(plan, done, *there) / 3600,
        naive_hours=simulate(grid, done, *there).seconds / 3600,
        naive_device_hours=work(grid, done)[kind] / 3600,
        assumed=tuple(_assumed(made, done, gpus, cpus)),
    )
    return price, plan


def _check(spec: SweepSpec, gpus: int | None, gpu_type: str | None, cpus: int | None) -> None:
    if gpu_type is not None and gpu_type not in DEVICES:
        wrong([f"--gpu-type {gpu_type}: one of {', '.join(DEVICES)}"])
    if gpu_type is not None and gpus is None:
        wrong(["--gpu-type: say also how many, with --gpus"])
    if gpus is not None and not spec.execution.gpus_per_worker:
        wrong(["--gpus: execution.gpus_per_worker is 0, so no step uses a GPU: set it, or plan with --cpus alone"])
    if gpus is None and spec.execution.gpus_per_worker:
        wrong(["--cpus: the steps of this sweep want GPUs: say also how many there are, with --gpus"])


def _phase(plan: Plan, done: set[str], phase: str) -> PhasePrice:
    left = [step for name, step in plan.steps.items() if name not in done and phase_of(step) == phase]
    hours = sum(step.cost.seconds * (step.resources[1] or step.resources[0]) for step in left) / 3600
    return PhasePrice(
        phase, len(left), sum(step.cost.tokens for step in left), sum(step.cost.flops for step in left), hours
    )


def _assumed(made: Priced, done: set[str], gpus: int | None, cpus: int | None) -> list[str]:
    """What the figures rest on, a line each."""
    throughput, sizes, device = made.throughput, made.sizes, made.throughput.device
    left = [step.recipe for name, step in made.plan.steps.items() if name not in done]
    trains = [recipe for recipe in left if isinstance(recipe, TrainRecipe)]
    model = (
        f"{throughput.name}: {100 * UTILISATION:.0f} % of its peak of {_peaks(device)}, or "
        f"{1000 * device.layer_start:g} ms for each block of a micro-batch, whichever is longer; AdamW at "
        f"{device.memory / 1e9:,.0f} GB/s; workers exchange at {device.link / 1e9:.0f} GB/s; "
        f"{START_UP} s of start-up for every step"
    )
    lines = [model]
    if throughput.measured:
        lines.append(
            f"that times {throughput.correction:.2f}: the median over {throughput.measured} training steps of the "
            f"store, which ran at {throughput.measured_flops / 1e12:,.3g} TFLOP/s for each device"
        )
    else:
        lines.append("speed is modelled: the store has no training step of this plan on such a device to correct it by")
    if sizes.estimated:
        counted = f"; {len(sizes.counted)} are counted in the store" if sizes.counted else ""
        lines.append(f"rows of {len(sizes.estimated)} data steps are as many as their benchmarks have{counted}")
        lines.append("their lengths are means measured on rows of the tasks (trainables/tasks/lengths.py)")
    if sizes.unknown:
        lines.append(f"no source says how many rows there are of: {', '.join(sizes.unknown)}")
    lines += [f"{hub} has the shape of XLM-R Large" for hub in made.assumed_shapes]
    if trains:
        lines.append("no training ends before its last step: patience and selection can only make it less")
    if device.bf16 is None and any(recipe.optimisation.precision == "bf16" for recipe in trains):
        lines.append(f"{throughput.name} has no bf16: it computes in fp32")
    if gpus and cpus is None:
        lines.append("there are as many CPUs as steps want; data is prepared beside training")
    return lines


def _peaks(device: Any) -> str:
    halves = f"{device.bf16 / 1e12:g} TFLOP/s in bf16, " if device.bf16 else ""
    return f"{halves}{device.fp32 / 1e12:g} in fp32"


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
