"""Which step next: released when its parents are done, longest remaining path first, if it fits.

The whole policy is three rules:

1. A step is ready when all that it needs is done.
2. Of ready steps the one with the longest remaining path (`Plan.remaining`, in seconds) goes first.
3. A step that does not fit keeps what it will need: less urgent steps get only what is left beside it. So a step that
   wants four GPUs is not kept waiting by a stream of steps that want one, and small ones still use what it cannot.

Pure bookkeeping without Ray, so that the same code serves the searcher and the simulator.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush

from sweeps.plan.graph import Plan, Step

Resources = tuple[float, float]
EPSILON = 1e-9
"""Halves and thirds of a GPU add up to a whole one only up to rounding."""


class Schedule:
    """The state of a plan while it is carried out. An event costs O(log steps), whatever the size of the plan.

    Args:
        done: ids of the steps that the store has.
        stopped: ids of trainings that a selection has stopped in an earlier run.
        cpus, gpus: what the cluster can hold at once.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        plan: Plan,
        done: set[str],
        cpus: float,
        gpus: float,
        clock: Callable[[], float] = time.monotonic,
        stopped: Iterable[str] = (),
    ) -> None:
        self.plan = plan
        self._clock = clock
        self.done = done & set(plan.steps)
        self.running: set[str] = set()
        self.failed: set[str] = set()
        self.blocked: set[str] = set()
        self.halting: set[str] = set()
        """Running trainings that a selection has asked to stop."""
        self.stopped: set[str] = set()
        """Trainings that a selection has stopped, and with them what depends on them."""
        self.draining = False
        """Asked to end: what runs may end, nothing new starts."""
        self._free: Resources = (cpus, gpus)
        order = sorted(plan.steps, key=lambda step: -plan.remaining[step])
        self._urgency = {step: place for place, step in enumerate(order)}
        self._waiting = {step for step in order if step not in self.done}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._unmet: dict[str, int] = {}
        self._ready: dict[Resources, list[tuple[int, str]]] = defaultdict(list)
        """Ready steps in heaps, the most urgent on top: one for all steps that want the same."""
        self._later: list[tuple[float, str]] = []
        """Steps that would be ready, in a heap by when they may be."""
        for name in order:
            needs = set(plan.steps[name].needs)
            self._unmet[name] = len(needs - self.done)
            for need in needs:
                self._children[need].append(name)
        for name in stopped:
            if name in self._waiting:
                self._waiting.remove(name)
                self.stopped.add(name)
                self._cut_off(name, self.stopped)
        for name in order:
            if name in self._waiting and not self._unmet[name]:
                self._ready[plan.steps[name].resources].append((self._urgency[name], name))
        for heap in self._ready.values():
            heapify(heap)

    @property
    def waiting(self) -> list[str]:
        """Steps that have not been started, the most urgent first."""
        return sorted(self._waiting, key=self._urgency.__getitem__)

    @property
    def over(self) -> bool:
        """Whether nothing will be started any more."""
        return self.draining or not (self._waiting or self.running)

    def next(self) -> Step | None:
        """Start the most urgent step that is ready and fits; None when there is none now."""
        if self.draining:
            return None
        while self._later and self._later[0][0] <= self._clock():
            self._offer(heappop(self._later)[1])
        left = self._free
        # Steps that want the same fit alike, so only the most urgent of each kind need be looked at.
        for _, wanted in sorted((heap[0], wanted) for wanted, heap in self._ready.items() if heap):
            if all(want <= have + EPSILON for want, have in zip(wanted, left, strict=True)):
                _, name = heappop(self._ready[wanted])
                self._waiting.remove(name)
                self.running.add(name)
                self._give(wanted, -1)
                return self.plan.steps[name]
            left = (max(0.0, left[0] - wanted[0]), max(0.0, left[1] - wanted[1]))
        return None

    def finish(self, name: str, ok: bool) -> None:
        """A running step has ended. A failed one blocks what depends on it, and nothing else."""
        self.running.remove(name)
        self._give(self.plan.steps[name].resources, +1)
        if ok:
            self.done.add(name)
            for child in self._children[name]:
                self._unmet[child] -= 1
                self._offer(child)
            return
        self.failed.add(name)
        self._cut_off(name, self.blocked)

    def halt(self, name: str) -> None:
        """A running step has stopped for good, as a selection has asked it to."""
        self.running.remove(name)
        self.halting.discard(name)
        self._give(self.plan.steps[name].resources, +1)
        self.stopped.add(name)
        self._cut_off(name, self.stopped)

    def _cut_off(self, name: str, to: set[str]) -> None:
        """What depends on a step will not be started; it is counted in `to`."""
        lost = list(self._children[name])
        while lost:
            below = lost.pop()
            if below not in to:
                to.add(below)
                self._waiting.discard(below)
                lost += self._children[below]

    def release(self, name: str, after: float = 0.0) -> None:
        """A running step has ended before it was done; it waits again, for `after` seconds at least."""
        self.running.remove(name)
        self._give(self.plan.steps[name].resources, +1)
        self._waiting.add(name)
        heappush(self._later, (self._clock() + after, name))

    def state(self, name: str) -> str:
        """`done`, `running`, `failed`, `blocked`, `stopped` or `waiting`."""
        for state in ("done", "running", "failed", "blocked", "stopped"):
            if name in getattr(self, state):
                return state
        return "waiting"

    def _offer(self, name: str) -> None:
        if name in self._waiting and not self._unmet[name]:
            heappush(self._ready[self.plan.steps[name].resources], (self._urgency[name], name))

    def _give(self, resources: Resources, sign: int) -> None:
        self._free = (self._free[0] + sign * resources[0], self._free[1] + sign * resources[1])
