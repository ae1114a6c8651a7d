"""What a sweep needs of a cluster, as plain data: the recipes of this package know nothing else of sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

SAFE = "xstilts-safe"
"""Ray's custom resource of nodes that are not taken away: where a node has it, drivers and controllers go there."""


class CannotRun(ValueError):
    """The sweep cannot run on such a cluster; the message is one line, with the mend."""


@dataclass(frozen=True)
class Workers:
    """Processes that carry out one step together: so many of equal size. Each is on one machine."""

    count: int
    cpus: float
    """Of each."""
    gpus: float

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPUs" if self.gpus else ""
        return f"{self.count} worker{'s' * (self.count > 1)} of {self.cpus:g} CPUs{gpus}"


@dataclass(frozen=True)
class Needs:
    """Of one sweep file.

    Attributes:
        sweep: its name: letters, digits, `_`, `.` and `-`.
        arguments: what `xstilts run` is called with: the sweep file (absolute), or the name of a study, and overrides.
        steps: the workers that its steps have, each kind once, the smallest first.
        storage: where the store is, an absolute path or an address.
        tracking: address of MLflow.
        paths: local files and folders that every node must see, absolute: sweep file, task files, data, models,
            storage, and what MLflow keeps in a file.
        secrets: names of environment variables that carry passwords or keys of the storage, the tracking server and the
            hub. Their values stand nowhere in what is generated.
    """

    sweep: str
    arguments: tuple[str, ...]
    steps: tuple[Workers, ...]
    storage: str
    tracking: str
    paths: tuple[str, ...]
    secrets: tuple[str, ...]

    def gpus_per_machine(self, machines: int, described: int | None = None) -> int:
        """GPUs of each machine: as described, or as few as hold the largest step on all of them."""
        if described is not None:
            return described
        return max((ceil(max(one.gpus, one.count * one.gpus / machines)) for one in self.steps), default=0)

    def cpus_per_machine(self, machines: int, gpus: int) -> int:
        """CPUs of each machine for the workers that it then holds, as many as its GPUs allow, and one for Ray."""
        held = (one.cpus * max(1, gpus // one.gpus if one.gpus else one.count / machines) for one in self.steps)
        return ceil(max(held, default=1)) + 1

    def obstacle(self, nodes: int, cpus: float | None, gpus: float) -> str | None:
        """Why some step cannot be placed on so many machines of so many CPUs (None: enough) and GPUs, in a line with
        the mend; None: all can."""
        for one in reversed(self.steps):
            limits = [has // wants for has, wants in ((cpus, one.cpus), (gpus, one.gpus)) if wants and has is not None]
            if limits and nodes * min(limits) < one.count:
                has = f"{gpus:g} GPUs" if cpus is None else f"{cpus:g} CPUs and {gpus:g} GPUs"
                return (
                    f"{self.sweep}: a step has {one}; {nodes} machine{'s' * (nodes > 1)} of {has} cannot hold that: "
                    "give more or larger ones, or lower execution.workers in the sweep file"
                )
        return None
