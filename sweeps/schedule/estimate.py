"""What is left of a sweep takes on some devices, found by simulating its schedule; and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from sweeps.cost.flops import Estimate
from sweeps.cost.throughput import COMPILED, DEVICES, EAGER, HOST_MEMORY, NVME, PARTITIONED, PCIE, START_UP
from sweeps.plan.graph import PHASES, Plan
from sweeps.schedule.auto import choose_for
from sweeps.schedule.nodes import NodeShape, too_large, total
from sweeps.schedule.reasons import lacks, reasons
from sweeps.schedule.simulate import bounds, simulate, two_barriers, unshared_plan, work
from trainables.store import Store


@dataclass(frozen=True)
class PhaseEstimate:
    """What the steps of a phase take that are not done."""

    phase: str
    steps: int
    tokens: float
    flops: float
    device_hours: float
    """GPU-hours; CPU-hours of what has no GPU."""


@dataclass(frozen=True)
class SweepEstimate:
    """What is left of a sweep takes."""

    device: str
    gpus: int
    cpus: int | None
    """None: as many as are wanted."""
    phases: tuple[PhaseEstimate, ...]
    wall_hours: float
    """By simulation of the schedule."""
    longest_path_hours: float
    work_hours: float
    """Work over devices. No schedule goes below the larger of this and the longest path."""
    two_barriers_hours: float
    unshared_hours: float
    unshared_device_hours: float
    chosen: tuple[str, ...]
    """How steps are carried out, a line for those that are alike."""
    lacks: tuple[str, ...]
    """What steps lack that fit in no way."""
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


class NoEstimate(ValueError):
    """No estimate can be made for the devices that were asked for; the message says what to change."""


@dataclass(frozen=True)
class Devices:
    """What an estimate is for.

    Attributes:
        nodes: of the cluster.
        gpu_type: a name in `sweeps.cost.throughput.DEVICES`; None: the usual one.
    """

    nodes: Sequence[NodeShape]
    gpu_type: str | None = None

    @property
    def cpus(self) -> float:
        """Of all nodes; infinite: as many as are wanted."""
        return total(self.nodes)[0]

    @property
    def gpus(self) -> int:
        """Of all nodes."""
        return int(total(self.nodes)[1])

    def check(self) -> None:
        """Raise NoEstimate where they do not fit each other."""
        if self.gpu_type is not None and self.gpu_type not in DEVICES:
            raise NoEstimate(f"--gpu-type {self.gpu_type}: one of {', '.join(DEVICES)}")
        if self.gpu_type is not None and not self.gpus:
            raise NoEstimate("--gpu-type: say also how many, with --gpus or --nodes")


def estimate_sweep(plan: Plan, store: Store, devices: Devices) -> tuple[SweepEstimate, Plan]:
    """What is left of a sweep takes on `devices`, and the plan with executions and costs of its steps there.

    Raises:
        NoEstimate: the devices do not fit, or a step wants more than there is.
    """
    devices.check()
    done = {name for name in plan.steps if store.done(name)}
    estimated, made = choose_for(plan, store, done, devices.nodes, devices.gpu_type)
    plan, there = estimated.plan, devices.nodes
    wanted = any(step.demand.gpus for step in plan.steps.values())
    if devices.gpus and not wanted:
        raise NoEstimate(
            "--gpus: execution.gpus_per_worker is 0, so no step uses a GPU: set it, or plan with --cpus alone"
        )
    if wanted and not devices.gpus:
        raise NoEstimate("--cpus: the steps of this sweep want GPUs: say also how many there are, with --gpus")
    for demand, step in {step.demand: step for step in reversed(plan.steps.values())}.items():
        if (lack := too_large(demand, there)) is not None:
            raise NoEstimate(f"{step.name} wants {lack}")
    kind = 1 if devices.gpus else 0
    path, least = bounds(plan, done, there)
    grid = unshared_plan(plan, done)
    found = SweepEstimate(
        device=estimated.throughput.name,
        gpus=devices.gpus,
        cpus=None if devices.cpus == inf else int(devices.cpus),
        phases=tuple(_phase(plan, done, phase) for phase in _phases(plan)),
        wall_hours=simulate(plan, done, there).seconds / 3600,
        longest_path_hours=path / 3600,
        work_hours=least / 3600,
        two_barriers_hours=two_barriers(plan, done, there) / 3600,
        unshared_hours=simulate(grid, done, there).seconds / 3600,
        unshared_device_hours=work(grid, done)[kind] / 3600,
        chosen=tuple(reasons(made)),
        lacks=tuple(lacks(made)),
        assumed=tuple(_assumed(estimated, done, devices)),
    )
    return found, plan


def _phases(plan: Plan) -> list[str]:
    """Those that every sweep has, and those that steps of this one have together, in the order of a cell's needs."""
    found = dict.fromkeys(PHASES) | {step.phase: None for step in plan.steps.values()}
    order = {phase: place for place, phase in enumerate(PHASES)}
    return sorted(found, key=lambda phase: (order.get(phase.partition(" and ")[0], len(order)), phase))


def _phase(plan: Plan, done: set[str], phase: str) -> PhaseEstimate:
    left = [step for name, step in plan.steps.items() if name not in done and step.phase == phase]
    hours = sum(step.cost.seconds * (step.resources[1] or step.resources[0]) for step in left) / 3600
    return PhaseEstimate(
        phase, len(left), sum(step.cost.tokens for step in left), sum(step.cost.flops for step in left), hours
    )


def _assumed(found: Estimate, done: set[str], devices: Devices) -> list[str]:
    """What the figures rest on, a line each."""
    throughput, sizes, device = found.throughput, found.sizes, found.throughput.device
    left = (step for name, step in found.plan.steps.items() if name not in done)
    trains = [step.recipe for step in left if step.kind.leaves_weights]
    kernels = (
        f", or {1000 * EAGER * device.starting:g} ms to start the kernels of each block of a micro-batch "
        f"({1000 * COMPILED * device.starting:g} compiled; {1000 * PARTITIONED * device.starting:g} more under ZeRO), "
        "whichever is longer"
        if device.starting
        else ""
    )
    model = (
        f"{throughput.name}: {100 * device.utilisation:.0f} % of its peak of {_peaks(device)}{kernels}; AdamW at "
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
        lines.append("their lengths are means measured on rows of the tasks (sweeps/cost/lengths.py)")
    if sizes.unknown:
        lines.append(f"no source says how many rows there are of: {', '.join(sizes.unknown)}")
    lines += [f"{hub} has the shape of XLM-R Large" for hub in found.assumed_shapes]
    if trains:
        lines.append("no training ends before its last step: patience and selection can only make it less")
    if device.bf16 is None and any(recipe.computes_in == "bf16" for recipe in trains):
        lines.append(f"{throughput.name} has no bf16: it computes in fp32")
    if any(step.execution.offload is not None for step in found.plan.steps.values()):
        lines.append(
            f"offloading is modelled: {PCIE / 1e9:.0f} GB/s between a GPU and its host, {HOST_MEMORY / 1e9:.0f} in the "
            f"host's memory for each worker, {NVME / 1e9:.0f} of a node's disk; none has been measured"
        )
    if devices.gpus and devices.cpus == inf:
        lines.append("there are as many CPUs as steps want; data is prepared beside training")
    return lines


def _peaks(device: Any) -> str:
    halves = f"{device.bf16 / 1e12:g} TFLOP/s in bf16, " if device.bf16 else ""
    return f"{halves}{device.fp32 / 1e12:g} in fp32"
