"""In which ways a step may be carried out on a cluster, as far as the sweep file leaves them open.

A way is a number of workers, what each holds, and with that the ZeRO stage and the largest micro-batch that memory
allows. Of ways that hold devices for longer only those that end sooner are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, log2
from typing import Any

from sweeps.cost.flops import priced
from sweeps.cost.memory import Peaks
from sweeps.cost.throughput import Throughput
from sweeps.plan.graph import Step
from sweeps.schedule.nodes import Nodes, NodeShape
from trainables.recipe.execution import Execution, Offload, offload_problem
from trainables.steps.work import Work

GIB = 2**30
GPU_MEMORY = {
    "T4": 16,
    "V100": 16,
    "A10": 24,
    "L4": 24,
    "L40S": 48,
    "RTX 4090": 24,
    "A100": 80,
    "H100": 80,
    "H200": 141,
}
"""GiB of each type in `sweeps.cost.throughput.DEVICES`; of several editions, the usual one."""
CHOSEN = (
    "workers",
    "cpus_per_worker",
    "gpus_per_worker",
    "zero_stage",
    "micro_batch_tokens",
    "checkpoint_activations",
    "offload",
)
"""Fields of an execution that are chosen where the file does not give them."""
RECOMPUTED = {"checkpoint_activations": True}
OFFLOADED = RECOMPUTED | {"offload": Offload(optimizer="cpu")}
ALL_OFFLOADED = RECOMPUTED | {"offload": Offload(optimizer="cpu", parameters="cpu")}
SPARING: Sequence[tuple[Mapping[str, Any], bool]] = (
    ({}, False),
    (RECOMPUTED, False),
    ({}, True),
    (RECOMPUTED, True),
    (OFFLOADED, False),
    (OFFLOADED, True),
    (ALL_OFFLOADED, False),
    (ALL_OFFLOADED, True),
)
"""What is tried one after the other until a step fits: ways to hold less, and whether on more than one node, as workers
of several nodes wait long for each other. Each costs more time than the one before."""
SHARES = (0.25, 0.5, 1)
"""Of a GPU, that a worker may have."""
LARGEST_MICRO_BATCH, USUAL_MICRO_BATCH, SMALLEST_MICRO_BATCH = 65536, 8192, 64
"""Padded tokens. Larger ones would save nothing: a batch of long rows has as many."""
FILLED = 0.92
"""Of the memory that a worker has, at most: the estimate is good to a few percent."""

Peak = Callable[[Step], Peaks]
"""What one process of a step, as it is carried out, holds at most: `sweeps.cost.memory.PlanMemory.peaks`."""


@dataclass(frozen=True)
class Candidate:
    """One way to carry out a step."""

    step: Step
    """With its execution and cost."""
    peak: float
    """Bytes that one process holds at most."""
    share: float
    """Bytes that it may hold: its part of the GPU, or of the node."""
    host: float
    """Bytes that processes on GPUs hold together of a node's memory; 0 where they have none: `peak` is that."""
    host_share: float
    """Bytes that they may hold of it."""
    given: frozenset[str]
    """Fields that the file gives."""

    @property
    def fits(self) -> bool:
        return self.peak <= FILLED * self.share and self.host <= FILLED * self.host_share

    @property
    def devices(self) -> float:
        """GPUs that it holds, or CPUs where it has no GPU."""
        cpus, gpus = self.step.resources
        return gpus or cpus

    @property
    def held(self) -> float:
        """Device-seconds."""
        return self.step.cost.seconds * self.devices


@dataclass(frozen=True)
class Cluster:
    """What steps may be carried out on.

    Attributes:
        nodes: their shapes.
        gpu_memory: bytes of the smallest GPU.
        throughput: how fast its GPUs are, or its CPUs where it has none.
    """

    nodes: Sequence[NodeShape]
    gpu_memory: float
    throughput: Throughput

    def share(self, execution: Execution, gpu: bool) -> float:
        """Bytes that a process may hold: of its GPU, or its CPUs' part of the memory of the node that has least."""
        if gpu:
            return min(execution.gpus_per_worker, 1) * self.gpu_memory
        able = [node for node in self.nodes if node.cpus >= execution.cpus_per_worker and node.memory < inf]
        return min((node.memory * execution.cpus_per_worker / node.cpus for node in able), default=inf)

    def host(self, execution: Execution, peaks: Peaks) -> tuple[float, float]:
        """Bytes that the processes with GPUs on one node hold of its memory, and may hold of it where something is
        offloaded: as large a part as they have of its GPUs."""
        able = [node for node in self.nodes if node.gpus and node.gpus >= execution.gpus_per_worker]
        if not able:
            return 0.0, inf
        node = min(able, key=lambda node: node.memory)
        count = min(execution.workers, node.gpus // execution.gpus_per_worker)
        part = node.memory * count * execution.gpus_per_worker / node.gpus
        return count * peaks.host + peaks.first, inf if execution.offload is None else part


def candidates(step: Step, work: Work, cluster: Cluster, peak: Peak) -> list[Candidate]:
    """The ways to carry out `step`: the first holds devices for the shortest, each later one ends sooner. At least one;
    where none fits, that which comes nearest."""
    found: list[Candidate] = []
    for saving, across in SPARING if step.kind.distributed else (({}, False), ({}, True)):
        if not any(one.fits for one in found):
            ways = _ways(step, work, cluster.nodes, across, saving)
            found += [_best(step, work, cluster, peak, way) for way in ways]
    if not found:  # what the file gives fits on no node
        gpus = 1 if step.kind.uses_gpu and any(node.gpus for node in cluster.nodes) else 0
        found = [_best(step, work, cluster, peak, {"gpus_per_worker": gpus} | _given_of(step))]
    fitting = [one for one in found if one.fits] or [min(found, key=lambda one: one.peak - one.share)]
    kept: list[Candidate] = []
    for one in sorted(fitting, key=lambda one: (one.held, one.step.cost.seconds)):
        if not kept or one.step.cost.seconds < 0.98 * kept[-1].step.cost.seconds:
            kept.append(one)
    return kept


def _given_of(step: Step) -> dict[str, Any]:
    return {name: getattr(step.execution, name) for name in CHOSEN if name in step.execution.model_fields_set}


def _ways(
    step: Step, work: Work, nodes: Sequence[NodeShape], across: bool, saving: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Workers and what each holds: all that the nodes can hold and the file leaves open.

    Args:
        across: whether more workers than one node can hold.
        saving: fields that hold less, where the file does not give them.
    """
    given, kind = {**saving, **_given_of(step)}, step.kind
    if not kind.uses_gpu or work.shape is None:
        yield given
        return
    cpus, gpus = max(node.cpus for node in nodes), max(node.gpus for node in nodes)
    on_gpu = given.get("gpus_per_worker", gpus) > 0
    if not on_gpu and "offload" in saving:  # it would lie in the same memory
        return
    if offload_problem(given.get("offload"), given.get("zero_stage")):
        return
    threads = (1,) if on_gpu else _doubled(int(min(cpus, 1024)))
    there = sum(node.gpus if on_gpu else 1 for node in nodes) if across else gpus if on_gpu else 1
    several = _doubled(int(min(there, work.rows))) if kind.distributed else (1,)
    usable = Nodes(nodes)
    for workers in _given(given, "workers", several):
        for share in _given(given, "gpus_per_worker", SHARES if on_gpu else (0,)):
            for cores in _given(given, "cpus_per_worker", threads):
                # Workers cannot share a GPU among them; several are for what a whole GPU, or node, is too slow for.
                if workers > 1 and (share < 1 if on_gpu else "workers" not in given and cores < threads[-1]):
                    continue
                way = given | {"workers": workers, "gpus_per_worker": share, "cpus_per_worker": cores}
                if usable.can_hold(kind.demand(step.execution.model_copy(update=way))):
                    yield way


def _best(step: Step, work: Work, cluster: Cluster, peak: Peak, way: Mapping[str, Any]) -> Candidate:
    """The stage with which a way takes the shortest, each with the largest micro-batch that fits into memory; where
    none fits, what holds the least."""
    fitting, others = [], []
    for stage in _given(way, "zero_stage", _stages(way)):
        for tokens in _given(way, "micro_batch_tokens", _micro_batches(step, work, way)):
            fields = {**way, "micro_batch_tokens": tokens} | ({"zero_stage": stage} if step.kind.distributed else {})
            execution = step.execution.model_copy(update=fields)
            gpu = step.kind.uses_gpu and execution.gpus_per_worker > 0
            at, share = replace(step, execution=execution), cluster.share(execution, gpu)
            peaks = peak(at)
            host, there = cluster.host(execution, peaks) if gpu else (0.0, inf)
            found = Candidate(at, peaks.device, share, host, there, frozenset(step.execution.model_fields_set))
            if found.fits:
                fitting.append(replace(found, step=priced(at, work, cluster.throughput)))
                break
            others.append(found)
    if fitting:
        return min(fitting, key=lambda one: one.step.cost.seconds)
    nearest = min(others, key=lambda one: one.peak)
    return replace(nearest, step=priced(nearest.step, work, cluster.throughput))


def _stages(way: Mapping[str, Any]) -> Sequence[int]:
    """ZeRO stages that a way may have."""
    offload = way.get("offload")
    stages = (0,) if way.get("workers", 1) == 1 else (2, 3)
    return stages if offload is None else tuple(stage for stage in (2, 3) if stage >= offload.least_stage)


def _micro_batches(step: Step, work: Work, way: Mapping[str, Any]) -> list[int]:
    """Sizes to try, the largest first: from the smallest power of two that surely takes a worker's part of a batch."""
    if work.shape is None:
        return [step.execution.micro_batch_tokens]
    most = USUAL_MICRO_BATCH
    if way.get("gpus_per_worker"):
        batch = 4 * work.update_tokens / way.get("workers", 1) if work.updates else 2 * USUAL_MICRO_BATCH
        most = min(LARGEST_MICRO_BATCH, max(USUAL_MICRO_BATCH, 2 ** ceil(log2(max(batch, 1)))))
    return [2**power for power in range(int(log2(most)), int(log2(SMALLEST_MICRO_BATCH)) - 1, -1)]


def _doubled(most: int) -> tuple[int, ...]:
    """1, 2, 4, ..., and the most."""
    powers = [2**power for power in range(max(most, 1).bit_length())]
    return tuple(dict.fromkeys([*powers, max(most, 1)]))


def _given(given: Mapping[str, Any], name: str, otherwise: Sequence[Any]) -> Sequence[Any]:
    return (given[name],) if given.get(name) is not None else otherwise
