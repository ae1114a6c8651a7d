"""Before the first GPU second: whether this cluster can carry out this sweep. Each obstacle is one line."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Sequence
from math import inf

from cluster.inspect import Node, differences, inspect_cluster, inspect_node, state_api
from cluster.requirements import PACKAGES
from sweeps.cost.flops import shapes
from sweeps.cost.memory import PlanMemory
from sweeps.plan.graph import Step
from sweeps.plan.paths import paths_of
from sweeps.schedule.nodes import NodeShape, too_large, total
from sweeps.schedule.scheduler import Schedule
from trainables.models.shape import ModelShape
from trainables.outside.processor import bf16_units
from trainables.outside.text import bounded
from trainables.recipe.model_source import CheckpointRef, HubModel, ModelSource
from trainables.recipe.recipes import DataRecipe
from trainables.store import PROBE, Store, StoreError
from trainables.tasks.sources.hub.models import is_here, locked
from trainables.training.memory import DeviceType
from trainables.training.weights_memory import GRADIENT, MOMENTS, WEIGHT

GIB = 2**30


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
        here = inspect_node(paths, PACKAGES, probe, bf16_units, gpus=False)
        nodes, silent = inspect_cluster(paths, PACKAGES, probe, bf16_units)
    finally:
        store.files.delete(store.at(PROBE + token))
    starts = dict.fromkeys(
        (start.hub, start.revision) for step in steps if isinstance(start := step.recipe.starts_from, HubModel)
    )
    found = silent + differences(here, nodes) + [line for one in starts if (line := locked(*one)) is not None]
    api = state_api()
    found += [api] if api else []
    for node in nodes:
        found += [f"{node.name}: storage: {node.storage}"] if node.storage else []
        found += [
            f"{node.name}: {path} is not there: it must be at the same path on every node" for path in node.missing
        ]
    of_steps = shapes(schedule.plan)
    if store.local:
        found += room(steps, of_steps, shutil.disk_usage(store.root).free, store.root, there)
    found += precision(steps, nodes) + prompts(steps, store)
    return found + memory(steps, PlanMemory(schedule.plan, store), nodes)


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
    artifacts = sum(WEIGHT * of_steps[step.id].parameters for step in trainings)
    state = max(2 * (WEIGHT + GRADIENT + MOMENTS) * of_steps[step.id].parameters for step in trainings)
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


def precision(steps: Sequence[Step], nodes: Sequence[Node]) -> list[str]:
    """Steps in bf16 that may come to CPUs or GPUs without units for it, and would take many times as long there."""
    lines = []
    for gpu in (False, True):
        slow = [step.name for step in steps if step.recipe.computes_in == "bf16" and bool(step.demand.gpus) == gpu]
        without = [node for node in nodes if not node.bf16[gpu] and (node.gpus or not gpu)]
        if slow and without:
            what = without[0].gpus[0][0] if gpu else "CPUs"
            lines.append(
                f"{without[0].name}: no units for bf16 ({what}), in which {len(slow)} steps compute ({slow[0]}): many "
                "times slower than fp32; give precision: fp32 in the sweep file, or run it where there are"
            )
    return lines


def prompts(steps: Iterable[Step], store: Store) -> list[str]:
    """Targets whose shots do not fit the length, of models whose tokenizer is there already."""
    lines = []
    for step in steps:
        recipe = step.recipe
        if isinstance(recipe, DataRecipe) and recipe.shots is not None and _is_there(recipe.tokenizer, store):
            from trainables.data.shots import unfit  # it encodes, and a driver without shots imports nothing that does

            line = unfit(recipe, store, step.execution)
            lines += [] if line is None else [bounded(f"{step.name}: {line}")]
    return lines


def _is_there(tokenizer: ModelSource, store: Store) -> bool:
    if isinstance(tokenizer, CheckpointRef):
        return store.done(tokenizer.step)
    return not isinstance(tokenizer, HubModel) or is_here(tokenizer.hub, tokenizer.revision)


def memory(steps: Iterable[Step], held: PlanMemory, nodes: list[Node]) -> list[str]:
    """Whether the smallest GPU, and the memory of the smallest node, hold what a process of each step holds.

    An estimate: a step that runs out of memory all the same is tried again with smaller micro-batches.
    """
    there: dict[DeviceType, list[tuple[str, int]]] = {
        "cuda": [gpu for node in nodes for gpu in node.gpus],
        "cpu": [(node.name, node.memory) for node in nodes],
    }
    worst: dict[DeviceType, tuple[float, float, Step]] = {}

    def book(device: DeviceType, wanted: float, share: float, step: Step) -> None:
        if device not in worst or wanted > worst[device][0]:
            worst[device] = wanted, share, step

    for step in steps:
        share = min(step.execution.gpus_per_worker, 1.0) if step.kind.uses_gpu else 0.0
        device: DeviceType = "cuda" if share else "cpu"
        peaks = held.peaks(step)
        wanted = peaks.device / (share or 1.0)
        if share and step.execution.offload is not None:
            count = min(step.execution.workers, max(len(node.gpus) for node in nodes))
            book("cpu", count * peaks.host + peaks.first, 1.0, step)
        book(device, wanted, share or 1.0, step)
    lines = []
    for device, (whole, share, step) in worst.items():
        smallest, has = min(there[device], key=lambda one: one[1], default=("", inf))
        if whole > has:
            of = "" if share == 1.0 else f"its share of {share:g} of "
            lines.append(
                f"{step.name}: a worker holds about {whole * share / GIB:.1f} GiB, {of}{smallest} has "
                f"{has * share / GIB:.1f}: raise execution.zero_stage or workers, lower micro_batch_tokens, or give "
                f"checkpoint_activations{', offload or adaptation: lora' if step.trains_all else ' or offload'}"
            )
    return lines


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
