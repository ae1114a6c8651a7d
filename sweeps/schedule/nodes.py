"""The nodes of a cluster, what is free on them, and where the processes of a step find room.

A process must fit on one node, and a share of a GPU on one GPU; the processes of a step may be on several nodes. A step
goes to one node if one can hold all of it, of these to the one with the least left, and otherwise to as few as can be.
Nodes on which the same is free are looked at once, so a search costs as much as there are different ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from trainables.steps import Demand

RAY_MEMORY = 0.7
"""Of a machine's memory, about: the rest is Ray's own, for objects."""
EPSILON = 1e-9
"""Halves and thirds of a GPU add up to a whole one only up to rounding."""


class NodeShape(NamedTuple):
    """What a node can hold at once."""

    cpus: float
    gpus: float = 0
    memory: float = inf
    """Bytes."""
    gpu_type: str = ""
    """As Ray has it; empty where it does not say."""


class _Free(NamedTuple):
    """What is free on a node of some shape."""

    shape: NodeShape
    cpus: float
    gpus: tuple[float, ...]
    """Shares that are free, one for each GPU, in ascending order."""

    def holds(self, demand: Demand) -> int:
        """How many processes fit, up to all."""
        most = demand.processes
        if demand.cpus:
            most = int(min(most, (self.cpus + EPSILON) // demand.cpus))
        if demand.gpus >= 1:
            most = min(most, int(sum(share > 1 - EPSILON for share in self.gpus) // demand.gpus))
        elif demand.gpus:
            most = min(most, int(sum((share + EPSILON) // demand.gpus for share in self.gpus)))
        return max(most, 0)

    @property
    def rank(self) -> tuple[float, float]:
        """How much is free, GPUs first."""
        return sum(self.gpus), self.cpus

    def part(self, demand: Demand) -> tuple[float, float]:
        """How much is free of what a process wants, GPUs first."""
        return min(sum(self.gpus), demand.gpus), min(self.cpus, demand.cpus)

    def can_ever_hold(self, demand: Demand) -> bool:
        """Whether a process fits when nothing else is there."""
        return demand.cpus <= self.shape.cpus + EPSILON and demand.gpus <= self.shape.gpus


class _Held(NamedTuple):
    """What one process, or a reservation for one, has of a node."""

    node: int
    cpus: float
    gpus: tuple[tuple[int, float], ...]
    """GPU by its number, and the share of it."""


Placement = list[_Held]


class Nodes:
    """What is free on the nodes of a cluster."""

    def __init__(self, nodes: Sequence[NodeShape]) -> None:
        self._shapes = nodes
        self._cpus = [float(node.cpus) for node in nodes]
        self._gpus = [[1.0] * int(node.gpus) for node in nodes]
        self._left = list(total(nodes))
        """CPUs and GPUs that are free on all nodes."""
        self._possible: dict[Demand, bool] = {}
        self._alike: dict[_Free, dict[int, None]] = {}
        """Nodes by what is free on them."""
        self._free = [_Free(node, self._cpus[i], tuple(self._gpus[i])) for i, node in enumerate(nodes)]
        for number, free in enumerate(self._free):
            self._alike.setdefault(free, {})[number] = None

    def place(self, demand: Demand, rather: Placement | None = None) -> Placement | None:
        """Take what a step wants, if there is room for all of its processes: at `rather`, if that is free."""
        if rather and self._take_again(rather):
            return rather
        most = demand.processes
        if any(wants > there + EPSILON for wants, there in zip(demand.total, self._left, strict=True)):
            return None
        room = [(free.holds(demand), free) for free in self._alike]
        whole = [free for holds, free in room if holds >= most]
        if whole:
            node = next(iter(self._alike[min(whole, key=lambda free: (free.rank, free.gpus))]))
            return self._take_all(node, demand, most)
        if most == 1 or sum(holds * len(self._alike[free]) for holds, free in room) < most:
            return None
        return self._spread(demand)

    def can_hold(self, demand: Demand) -> bool:
        """Whether there is room for a step."""
        placement = self.place(demand)
        self.give_back(placement or ())
        return placement is not None

    def reserve(self, demand: Demand) -> Placement:
        """Take what a step will need that does not fit now: what is free of it, where most of it is free. Nothing, if
        the nodes can never hold it."""
        if demand not in self._possible:
            self._possible[demand] = too_large(demand, self._shapes) is None
        if not self._possible[demand]:
            return []
        placed = self._spread(demand)
        for _ in range(demand.processes - len(placed)):
            able = [free for free in self._alike if free.can_ever_hold(demand)]
            best = max(free.part(demand) for free in able)
            # Of equal nodes always the first: if the choice wavered, others would take now this one, now that one.
            node = min(n for free in able if free.part(demand) == best for n in self._alike[free])
            placed.append(self._take(node, demand))
        return placed

    def give_back(self, placement: Iterable[_Held]) -> None:
        """What was taken is free again."""
        for held in placement:
            self._book(held, +1)

    def _take_again(self, placement: Placement) -> bool:
        """Take what was given back, if all of it is free."""
        for held in placement:
            self._book(held, -1)
        least = min(min((self._cpus[held.node], *self._gpus[held.node])) for held in placement)
        if least < -EPSILON:
            self.give_back(placement)
        return least >= -EPSILON

    def _spread(self, demand: Demand) -> Placement:
        """Take what there is room for, on as few nodes as can be."""
        placed: Placement = []
        while len(placed) < demand.processes:
            left = demand._replace(processes=demand.processes - len(placed))
            holds, free = max(((free.holds(left), free) for free in self._alike), default=(0, None))
            if not holds or free is None:
                break
            node = next(iter(self._alike[free]))
            placed += self._take_all(node, demand, holds)
        return placed

    def _take_all(self, node: int, demand: Demand, processes: int) -> Placement:
        return [self._take(node, demand) for _ in range(processes)]

    def _take(self, node: int, demand: Demand) -> _Held:
        """Take what one process wants of a node, as far as it is free there."""
        cpus, gpus = min(self._cpus[node], demand.cpus), self._gpus[node]
        if demand.gpus >= 1:
            fullest = sorted(range(len(gpus)), key=lambda gpu: (-gpus[gpu], gpu))
            taken = tuple((gpu, gpus[gpu]) for gpu in fullest[: int(demand.gpus)] if gpus[gpu])
        elif demand.gpus:
            fitting = [gpu for gpu, share in enumerate(gpus) if share >= demand.gpus - EPSILON]
            # As Ray does: the GPU with the least that is enough.
            gpu = min(fitting, key=lambda gpu: gpus[gpu]) if fitting else max(range(len(gpus)), key=gpus.__getitem__)
            taken = ((gpu, min(gpus[gpu], demand.gpus)),)
        else:
            taken = ()
        held = _Held(node, cpus, taken)
        self._book(held, -1)
        return held

    def _book(self, held: _Held, sign: int) -> None:
        """What is held of a node is taken from it (-1), or given back."""
        node, gpus = held.node, self._gpus[held.node]
        self._cpus[node] += sign * held.cpus
        self._left[0] += sign * held.cpus
        for gpu, share in held.gpus:
            gpus[gpu] = round(gpus[gpu] + sign * share, 9)
            self._left[1] += sign * share
        before = self._free[node]
        shares = tuple(sorted(gpus)) if held.gpus else before.gpus
        after = _Free(before.shape, self._cpus[node], shares)
        del self._alike[before][node]
        if not self._alike[before]:
            del self._alike[before]
        self._alike.setdefault(after, {})[node] = None
        self._free[node] = after


def too_large(demand: Demand, nodes: Sequence[NodeShape]) -> str | None:
    """Why the nodes cannot hold a step even where nothing else is: what it wants, what there is, and the mend. None:
    they can."""
    if Nodes(nodes).place(demand) is not None:
        return None
    for word, wants, has in zip(("CPU", "GPU"), demand.total, total(nodes), strict=True):
        if wants > has + EPSILON:
            return (
                f"{wants:g} {word}s, the cluster has {has:g}: lower execution.workers, "
                f"execution.{word.lower()}s_per_worker, or give it a larger cluster"
            )
    each = f"{demand.cpus:g} CPUs" + (f" and {demand.gpus:g} GPUs" if demand.gpus else "")
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if demand.gpus else (node.cpus,))
    there = f"{largest.cpus:g} CPUs" + (f" and {largest.gpus:g} GPUs" if demand.gpus else "")
    lower = "execution.cpus_per_worker" + (" or execution.gpus_per_worker" if demand.gpus else "")
    of = f" for each of {demand.processes} workers" if demand.processes > 1 else ""
    return f"{each}{of} on one node, the largest has {there}: lower {lower}, or give it larger nodes"


def said(nodes: Sequence[NodeShape]) -> str:
    """In words.

    >>> said([NodeShape(56, 8), NodeShape(8)])
    '2 nodes, 64 CPUs, 8 GPUs'
    """
    cpus, gpus = total(nodes)
    return f"{len(nodes)} node{'s' * (len(nodes) > 1)}, {cpus:g} CPUs" + (f", {gpus:g} GPUs" if gpus else "")


def this_machine() -> NodeShape:
    """This machine's CPUs and memory, as a Ray that is started here finds them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return NodeShape(os.cpu_count() or 1, memory=RAY_MEMORY * memory)


def total(nodes: Sequence[NodeShape]) -> tuple[float, float]:
    """CPUs and GPUs of all nodes."""
    return sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
