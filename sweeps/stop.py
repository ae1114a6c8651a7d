"""The flag by which a sweep asks its workers to save their state and leave their loops.

A trial that Tune kills runs no clean-up, in the driver or in its workers; so nothing is killed, and everyone is asked.
"""

from __future__ import annotations

from typing import Any

import ray

NAME = "xstilts-stop"


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


def new_flag() -> Any:
    """Make the flag of the sweep that this driver runs; it lives as long as the handle."""
    return ray.remote(num_cpus=0)(_Flag).options(name=NAME).remote()


def stop_flag() -> Any:
    """The flag of the sweep that is running."""
    return ray.get_actor(NAME)
