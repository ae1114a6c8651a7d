"""Looks at every node of a cluster before anything is started there.

What differs between nodes, is missing on one of them, or cannot be reached from there, would otherwise show as a
failure of some step, hours later and only where Ray happens to put it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

PATIENCE = 120
"""Seconds that a node has to answer."""
SHOWN = 4
"""Differing packages that are named."""


@dataclass(frozen=True)
class Node:
    """What there is on one node."""

    name: str
    python: str
    packages: dict[str, str]
    """Version of each installed distribution."""
    source: str
    """Hash over the source of this program."""
    gpus: tuple[tuple[str, int], ...]
    """Name and bytes of memory of each GPU that torch sees there."""
    memory: int
    """Bytes of its main memory."""
    bf16: tuple[bool, bool]
    """Whether its CPUs, and all of its GPUs, have units for bf16."""
    missing: tuple[str, ...]
    """Paths that are not there."""
    storage: str | None
    """What is wrong with the storage, seen from there."""

    @cached_property
    def lock(self) -> str:
        """One hash for all versions."""
        text = "\n".join(f"{name}=={version}" for name, version in sorted(self.packages.items()))
        return hashlib.sha256(f"{self.python}\n{text}".encode()).hexdigest()


def inspect_node(
    paths: Sequence[str],
    packages: Sequence[str],
    probe: Callable[[], str | None],
    bf16: Callable[[], object],
    gpus: bool,
) -> Node:
    """What there is on the node where this is called.

    Args:
        paths: that must be there.
        packages: whose source is hashed.
        probe: tries the storage; says what is wrong with it.
        bf16: whether the CPUs have units for bf16.
        gpus: whether to ask torch for them, which takes seconds.
    """
    found: tuple[tuple[str, int], ...] = ()
    halves = True
    if gpus:
        import torch

        every = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
        found = tuple((one.name, one.total_memory) for one in every)
        halves = not found or torch.cuda.is_bf16_supported(including_emulation=False)
    return Node(
        name=socket.gethostname(),
        python=platform.python_version(),
        # Not what setuptools brings for itself alone, and puts on the path of whoever imports it.
        packages={d.name.lower(): d.version for d in distributions() if Path(str(d.locate_file(""))).name != "_vendor"},
        source=_source(packages),
        gpus=found,
        bf16=(bool(bf16()), halves),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        missing=tuple(path for path in paths if not Path(path).exists()),
        storage=probe(),
    )


def inspect_cluster(
    paths: Sequence[str], packages: Sequence[str], probe: Callable[[], str | None], bf16: Callable[[], object]
) -> tuple[list[Node], list[str]]:
    """`look` on every node that is alive, and a line for each that does not answer.

    Raises nothing: what goes wrong on a node is a line, too.
    """
    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            # GPUs are seen only by a task that holds one, so ask for a sliver where there are any.
            sliver = 0.001 if node["Resources"].get("GPU") else 0
            pinned = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(inspect_node).options(
                num_cpus=0, num_gpus=sliver, scheduling_strategy=pinned, max_retries=0
            )
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            asked[task.remote(paths, packages, probe, bf16, bool(sliver))] = name
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE)
    nodes, problems = [], []
    for reference, name in asked.items():
        if reference not in answered:
            problems.append(f"{name} does not answer within {PATIENCE} s: take it out of the cluster, or wait for it")
            continue
        try:
            nodes.append(ray.get(reference))
        except Exception as error:
            problems.append(f"{name}: {str(error).strip().splitlines()[-1]}: mend the environment of that node")
    return nodes, problems


def differences(here: Node, nodes: Sequence[Node]) -> list[str]:
    """A line for each node whose software is not that of `here`."""
    lines = []
    for node in nodes:
        if node.lock != here.lock:
            theirs, ours = {"python": node.python, **node.packages}, {"python": here.python, **here.packages}
            names = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
            shown = [f"{name} {theirs.get(name, 'missing')}, here {ours.get(name, 'missing')}" for name in names]
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines.append(f"{node.name}: {'; '.join(shown[:SHOWN])}{more}: install the same on every node")
        if node.source != here.source:
            lines.append(f"{node.name}: its source of this program differs from the one here: install the same commit")
    return lines


def state_api() -> str | None:
    """What is wrong with Ray's state API; None: it answers."""
    from ray.util.state import list_nodes

    try:
        # By address: it may not be the only Ray on this machine.
        list_nodes(address=ray.get_runtime_context().gcs_address, limit=1, timeout=30)
    except Exception as error:
        return (
            f"Ray's state API does not answer ({str(error).splitlines()[0]}): start the head node with its dashboard; "
            "without it Ray never frees what a killed trial held"
        )
    return None


def _source(packages: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for package in sorted(packages):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
