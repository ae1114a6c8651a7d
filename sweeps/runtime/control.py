"""The board between a sweep and its workers: they look there whether to save their state and leave their loops, and by
looking give a sign of life.

A trial that Tune kills runs no clean-up, in the driver or in its workers; so everyone is asked. Only a worker that has
long given no sign is killed, by `Watchdog`.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import ray

ENDING = "the sweep is ending"
"""Why every step is asked to stop."""


class ControlActor:
    """One per sweep, an actor that every worker can ask. Ray starts it again when it dies; it has forgotten then, and
    `Watchdog` tells it again that the sweep is to end."""

    def __init__(self) -> None:
        self._all: str | None = None
        self._steps: dict[str, str] = {}
        self._heartbeats: dict[str, float] = {}
        self._workers: dict[str, list[Any]] = {}

    def stop_all(self, reason: str) -> None:
        """Ask the workers of every step to stop."""
        self._all = reason

    def stop(self, step: str, reason: str) -> None:
        """Ask the workers of one step to stop."""
        self._steps[step] = reason

    def register(self, step: str, worker: list[Any]) -> None:
        """A worker of `step` has started; `worker` holds its actor where it is one."""
        self._heartbeats[step] = time.monotonic()
        self.add_handles(step, worker)

    def add_handles(self, step: str, workers: list[Any]) -> None:
        """Remember what can be ended of `step`: actors, and references to what tasks will give."""
        self._workers.setdefault(step, []).extend(workers)

    def stop_reason(self, step: str) -> str | None:
        """Why the workers of `step` shall stop; None: they shall go on. A sign of life of the one who asks."""
        self._heartbeats[step] = time.monotonic()
        return self._steps.get(step) or self._all

    def heartbeats(self) -> dict[str, float]:
        """Seconds since the last sign of each step that has a worker."""
        now = time.monotonic()
        return {step: now - sign for step, sign in self._heartbeats.items()}

    def forget(self, step: str) -> list[Any]:
        """An attempt at `step` has ended: forget its signs, and give its workers."""
        self._heartbeats.pop(step, None)
        return self._workers.pop(step, [])


def start_control() -> tuple[str, Any]:
    """Make the board of the sweep that this driver runs: its name, and the handle that keeps it alive."""
    name = f"xstilts-board-{uuid.uuid4().hex}"
    return name, ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(ControlActor).options(name=name).remote()


def control_of(name: str) -> Any:
    """The board of this name."""
    return ray.get_actor(name)
