"""Notices steps that cannot be placed, and steps that have stopped going on.

Ray waits for ever for resources that never come, and says so nowhere that a user looks; a worker that hangs (a lost
peer in a collective operation, a file system that does not answer) would hold its GPUs for ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import ray

from sweeps.runtime.control import ENDING
from sweeps.schedule.scheduler import Schedule

EVERY = 5.0
"""Seconds between two looks."""
UNPLACED = 60.0
"""Seconds after which a step without a worker is spoken of."""

STARTING = "has its place, but no worker has started yet"

Say = Callable[[str, str], None]
"""Told the id of a step and what is the matter."""


class Watchdog:
    """Looks at the running steps of a schedule, through the heartbeats at the sweep's control actor.

    Args:
        say: told of what is found.
        clock: seconds that only go forward.
    """

    def __init__(self, schedule: Schedule, control: Any, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule, self._control, self._say, self._clock = schedule, control, say, clock
        self._started: dict[str, float] = {}
        self._spoken: set[str] = set()
        self._looked = clock()
        self._heartbeats: Any = None

    def started(self, step: str) -> None:
        """An attempt at `step` has been given to the cluster."""
        self._started[step] = self._clock()
        self._spoken.discard(step)

    def ended(self, step: str) -> None:
        """An attempt at `step` has ended."""
        self._started.pop(step, None)
        self._control.forget.remote(step)

    def check(self) -> None:
        """Look, if it is time to; never waits for the control actor."""
        if self._clock() - self._looked < EVERY:
            return
        if self._schedule.draining:  # the control actor may have died since it was told
            self._control.stop_all.remote(ENDING)
        if self._heartbeats is None:
            self._heartbeats = self._control.heartbeats.remote()
        ready, _ = ray.wait([self._heartbeats], timeout=0)
        if ready:
            self._looked = self._clock()
            self._heartbeats = None
            self._check_heartbeats(ray.get(ready[0]))

    def _check_heartbeats(self, signs: dict[str, float]) -> None:
        for step, started in list(self._started.items()):
            if step not in signs:
                if self._clock() - started > UNPLACED and step not in self._spoken:
                    self._spoken.add(step)
                    self._say(step, self._unplaced(step))
            elif signs[step] > self._limit(step):
                self._say(step, f"no heartbeat for {signs[step] / 60:.1f} minutes: its workers are killed")
                self._end(step)

    def _limit(self, step: str) -> float:
        return 60 * self._schedule.plan.steps[step].execution.stall_minutes

    def _end(self, step: str) -> None:
        for worker in ray.get(self._control.forget.remote(step)):
            try:
                ray.kill(worker)
            except Exception as error:  # it is gone already; the trial hears of that as well
                logging.getLogger(__name__).info("%s: %s", step, error)

    def _unplaced(self, step: str) -> str:
        """What a step that has no worker yet waits for."""
        wanted = self._schedule.plan.steps[step]
        if wanted.kind.distributed and not _pending():
            return STARTING
        return missing(wanted.resources, ray.cluster_resources(), ray.available_resources())


def _pending() -> bool:
    """Whether the workers of some training wait for their place. What a placed one holds is not free for others, so
    free resources alone do not tell."""
    from ray.util.state import list_placement_groups

    try:
        address = ray.get_runtime_context().gcs_address
        return bool(list_placement_groups(address=address, filters=[("state", "=", "PENDING")], timeout=5))
    except Exception as error:  # the dashboard does not answer: judge by what is free
        logging.getLogger(__name__).info("placement groups cannot be listed: %s", error)
        return True


def missing(wanted: tuple[float, float], has: dict[str, float], free: dict[str, float]) -> str:
    """Which of CPUs and GPUs a step waits for, and why it does not get them.

    >>> missing((1, 8), {"CPU": 16.0, "GPU": 4.0}, {"CPU": 16.0, "GPU": 4.0})
    'waits for 8 GPUs, the cluster has 4: a node may be lost'
    """
    for word, number in zip(("CPU", "GPU"), wanted, strict=True):
        noun = f"{number:g} {word}{'s' * (number != 1)}"
        if has.get(word, 0.0) < number:
            return f"waits for {noun}, the cluster has {has.get(word, 0.0):g}: a node may be lost"
        if free.get(word, 0.0) < number:
            return (
                f"waits for {noun}, of {has[word]:g} in the cluster {free.get(word, 0.0):g} are free: "
                "other jobs hold them"
            )
    return STARTING
