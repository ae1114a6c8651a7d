"""The flag by which a sweep asks its workers to save their state and leave their loops.

A trial that Tune kills runs no clean-up, in the driver or in its workers; so nothing is killed, and everyone is asked.
"""

from __future__ import annotations

import uuid
from typing import Any

import ray


class _Flag:
    """One per sweep, an actor that every worker can ask."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Ask all workers to stop."""
        self._set = True

    def is_set(self) -> bool:
        """Whether workers shall stop."""
        return self._set


def new_flag() -> tuple[str, Any]:
    """Make the flag of the sweep that this driver runs: its name, and the handle that keeps it alive."""
    name = f"xstilts-stop-{uuid.uuid4().hex}"
    return name, ray.remote(num_cpus=0)(_Flag).options(name=name).remote()


def stop_flag(name: str) -> Any:
    """The flag of this name."""
    return ray.get_actor(name)
