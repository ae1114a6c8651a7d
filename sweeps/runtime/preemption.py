"""Nodes that are being taken away: the steps on them are asked to save their states, and go on elsewhere at once.

A cloud, a batch system or `ray drain-node` says so some time before. Ray then places nothing there any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ray

from cluster.connect import draining
from sweeps.runtime.watchdog import Say

EVERY = 1.0
"""Seconds between two looks."""


class PreemptionWatch:
    """Looks for nodes that are being drained, on the driver.

    Args:
        control: the sweep's control actor, which knows where each step is.
        preempted: told the id of a step whose next failure is not its own.
        say: told the id of a step and what is the matter.
        clock: seconds that only go forward.
    """

    def __init__(
        self, control: Any, preempted: Callable[[str], None], say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._control, self._preempted, self._say, self._clock = control, preempted, say, clock
        self._looked = float("-inf")
        self._asked: Any = None

    def check(self) -> None:
        """Look, if it is time to; never waits for the control actor."""
        if self._asked is not None:
            ready, _ = ray.wait([self._asked], timeout=0)
            if not ready:
                return
            for step, node in ray.get(self._asked).items():
                self._preempted(step)
                self._say(step, f"its node {node[:8]} is being taken away: it saves its state and goes on elsewhere")
            self._asked = None
        if self._clock() - self._looked >= EVERY:
            self._looked = self._clock()
            nodes = draining()
            if nodes:
                self._asked = self._control.preempt.remote(nodes)
