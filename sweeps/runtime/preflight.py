"""Before the first GPU second: whether this cluster can carry out this sweep. Each obstacle is one line."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Sequence

from cluster.inspect import Node, differences, inspect_cluster, inspect_node, state_api
from sweeps.cost.flops import shapes
from sweeps.plan.graph import Step
from sweeps.plan.paths import paths_of
from sweeps.schedule.nodes import NodeShape, too_large, total
from sweeps.schedule.scheduler import Schedule
from trainables.models.shape import ModelShape
from trainables.recipe.execution import Execution
from trainables.store import PROBE, Store, StoreError

PACKAGES = ("sweeps", "trainables", "cluster")
GIB = 2**30
WEIGHTS, GRADIENTS, MOMENTS = 4, 4, 8
"""Bytes per parameter: weights are fp32 whatever the precision of the training, Adam keeps two moments."""
CONTEXT = 1.5 * GIB
"""What CUDA, its libraries and DeepSpeed's buffers take before anything is done. Assumed."""


def problems(schedule: Schedule, store: Store, there: Sequence[NodeShape]) -> list[str]:
    """What stands in the way of the steps that are not done yet, on these nodes; nothing: all is well."""
    steps = [schedule.plan.steps[name] for name in schedule.waiting]
    paths, token = paths_of(steps), uuid.uuid4().hex

    def probe() -> str | None:
        return _probe(store.uri, token)

    try:
        store.files.replace(store.at(PROBE + token), token.encode())
    except OSError as error:
        return [f"storage: {error}; give a path or URI that can be written"]
    try:
        here = inspect_node(paths, PACKAGES, probe, gpus=False)
        nodes, silent = inspect_cluster(paths, PACKAGES, probe)
    finally:
        store.files.delete(store.at(PROBE + token))
    found = silent + differences(here, nodes)
    api = state_api()
    found += [api] if api else []
    for node in nodes:
        found += [f"{node.name}: storage: {node.storage}"] if node.storage else []
        found += [
            f"{node.name}: {path} is not there: put the data at the same path on every node" for path in node.missing
        ]
    of_steps = shapes(schedule.plan)
    if store.local:
        found += room(steps, of_steps, shutil.disk_usage(store.root).free, store.root, there)
    return found + memory(steps, of_steps, nodes)


def fits(schedule: Schedule, nodes: Sequence[NodeShape]) -> list[str]:
    """Steps that the nodes cannot hold, even where nothing else runs: one for each thing that they want too much of."""
    found = {}
    for step in (schedule.plan.steps[name] for name in schedule.waiting):
        if step.demand not in found:
            found[step.demand] = too_large(step.demand, nodes), step.name
    lines = {lack: f"{name} wants {lack}" for lack, name in found.values() if lack is not None}
    return list(lines.values())


def room(
    steps: Iterable[Step], of_steps: dict[str, ModelShape], free: int, path: str, nodes: Sequence[NodeShape]
) -> list[str]:
    """Whether the disk holds the checkpoints of all trainings that are left, and the training states (the one that is
    there and the one that is being written) of as many as can run at once."""
    trainings = [step for step in steps if step.kind.leaves_weights]
    if not trainings:
        return []
    artifacts = sum(WEIGHTS * of_steps[step.id].parameters for step in trainings)
    state = max(2 * (2 * WEIGHTS + MOMENTS) * of_steps[step.id].parameters for step in trainings)
    held = max(trainings, key=lambda step: of_steps[step.id].parameters).resources
    at_once = min(
        len(trainings),
        *(int(has // wants) for has, wants in zip(total(nodes), held, strict=True) if wants),
    )
    wanted = artifacts + at_once * state
    if wanted <= free:
        return []
    return [
        f"{path}: {free / GIB:.1f} GiB are free, {wanted / GIB:.1f} are needed: {artifacts / GIB:.1f} for checkpoints, "
        f"{state / GIB:.1f} for the training states of each of {at_once} at once: free some, or give other storage"
    ]


def memory(steps: Iterable[Step], of_steps: dict[str, ModelShape], nodes: list[Node]) -> list[str]:
    """Whether the smallest GPU holds what a worker of the largest training holds.

    Weights, gradients and Adam's moments, of which ZeRO stage 1 divides the moments among the workers, 2 the gradients,
    too, and 3 all (Rajbhandari et al. 2020, arXiv 1910.02054, section 5); activations after Korthikanti et al. 2022
    (arXiv 2205.05198, equation 1), for one micro-batch. An estimate: a step that runs out of memory all the same is
    tried again with smaller micro-batches.
    """
    smallest = min((gpu for node in nodes for gpu in node.gpus), key=lambda gpu: gpu[1], default=None)
    if smallest is None:
        return []
    worst = (0.0, "")
    for step in steps:
        if step.kind.leaves_weights and step.execution.gpus_per_worker >= 1:
            half = step.recipe.computes_in == "bf16"
            worst = max(worst, (_held(of_steps[step.id], step.execution, half), step.name))
    held, name = worst
    if held <= smallest[1]:
        return []
    return [
        f"{name}: a worker holds about {held / GIB:.0f} GiB, a {smallest[0]} has {smallest[1] / GIB:.0f}: raise "
        "execution.zero_stage or execution.workers, or lower execution.micro_batch_tokens"
    ]


def _held(shape: ModelShape, execution: Execution, half: bool) -> float:
    stage, workers = execution.stage, execution.workers
    state = (
        WEIGHTS / (workers if stage >= 3 else 1)
        + GRADIENTS / (workers if stage >= 2 else 1)
        + MOMENTS / (workers if stage >= 1 else 1)
    )
    # 34 bytes for each unit of the hidden layer at two bytes a number; attention's scores are not kept (fused kernels).
    activations = 34 * (1 if half else 2) * shape.layers * shape.hidden * execution.micro_batch_tokens
    return shape.parameters * state + activations + CONTEXT


def _probe(uri: str, token: str) -> str | None:
    """Read what the driver has written, then write, read and delete a file: what is wrong, as this node sees it."""
    store = Store(uri)
    try:
        if store.files.read(store.at(PROBE + token)) != token.encode():
            return f"{uri} holds something else here: it must be the same file system on every node"
    except FileNotFoundError:
        return f"{uri} is another folder here: it must be a file system that every node shares, or a URI (s3://...)"
    except OSError as error:
        return f"{uri} cannot be read here ({error})"
    try:
        store.check_writable()
    except StoreError as error:
        return f"{error}: make it writable for Ray's workers"
    return None
