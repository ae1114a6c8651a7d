"""Which step next: released when its parents are done, longest remaining path first, if it fits.

The whole policy is three rules:

1. A step is ready when all that it needs is done.
2. Of ready steps the one with the longest remaining path (`Plan.remaining`, in seconds) goes first.
3. A step that does not fit keeps what it will need: less urgent steps get only what is left beside it. So a step that
   wants four GPUs is not kept waiting by a stream of steps that want one, and small ones still use what it cannot.

Where a step fits: `sweeps.schedule.nodes`.

Pure bookkeeping without Ray, so that the same code serves the searcher and the simulator.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush, nsmallest

from sweeps.plan.graph import Plan, Step
from sweeps.schedule.nodes import Nodes, NodeShape, Placement
from sweeps.schedule.states import STARTABLE, TRANSITIONS, StepState, WrongTransition
from trainables.steps import Demand


class Schedule:
    """The state of a plan while it is carried out. An event costs O(log steps), whatever the size of the plan.

    Args:
        done: ids of the steps that the store has.
        stopped: ids of trainings that a selection has stopped in an earlier run.
        nodes: what each node of the cluster can hold at once.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        plan: Plan,
        done: set[str],
        nodes: Sequence[NodeShape],
        clock: Callable[[], float] = time.monotonic,
        stopped: Iterable[str] = (),
    ) -> None:
        self.plan = plan
        self._clock = clock
        self._state = {step: StepState.DONE if step in done else StepState.WAITING for step in plan.steps}
        self._in = {state: {name for name, its in self._state.items() if its is state} for state in StepState}
        self.halting: set[str] = set()
        """Running trainings that a selection has asked to stop."""
        self.draining = False
        """Asked to end: what runs may end, nothing new starts."""
        self._nodes = Nodes(nodes)
        self.held: dict[str, Placement] = {}
        """Where running steps are taken to be: Ray places them by rules of its own, which are much alike."""
        self._left: dict[Demand, Placement] = {}
        """Where the last step was that has ended: its workers go on to one that wants the same."""
        order = sorted(plan.steps, key=lambda step: -plan.remaining[step])
        self._urgency = {step: place for place, step in enumerate(order)}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._unmet: dict[str, int] = {}
        self._ready: dict[Demand, list[tuple[int, str]]] = defaultdict(list)
        """Ready steps in heaps, the most urgent on top: one for all steps that want the same."""
        self._later: list[tuple[float, str]] = []
        """Steps that would be ready, in a heap by when they may be."""
        for name in order:
            needs = set(plan.steps[name].needs)
            self._unmet[name] = len(needs - self.done)
            for need in needs:
                self._children[need].append(name)
        for name in stopped:
            if self._state.get(name) in STARTABLE:
                self._move(name, StepState.STOPPED)
                self._cut_off(name, StepState.STOPPED)
        for name in order:
            if self._state[name] in STARTABLE and not self._unmet[name]:
                self._ready[plan.steps[name].demand].append((self._urgency[name], name))
        for heap in self._ready.values():
            heapify(heap)

    def state(self, name: str) -> StepState:
        """The state of a step."""
        return self._state[name]

    @property
    def done(self) -> set[str]:
        """Steps that the store has."""
        return self._in[StepState.DONE]

    @property
    def running(self) -> set[str]:
        """Steps that an attempt is at."""
        return self._in[StepState.RUNNING]

    @property
    def failed(self) -> set[str]:
        """Steps that have failed for good, as far as this run goes."""
        return self._in[StepState.FAILED]

    @property
    def blocked(self) -> set[str]:
        """Steps that need one that has failed."""
        return self._in[StepState.BLOCKED]

    @property
    def stopped(self) -> set[str]:
        """Trainings that a selection has stopped, and with them what depends on them."""
        return self._in[StepState.STOPPED]

    @property
    def waiting(self) -> list[str]:
        """Steps that no attempt is at, the most urgent first."""
        return sorted(self._startable(), key=self._urgency.__getitem__)

    def next_waiting(self, count: int) -> tuple[list[str], int]:
        """The most urgent of the steps that no attempt is at, up to `count`; and how many such steps there are."""
        waiting = self._startable()
        return nsmallest(count, waiting, key=self._urgency.__getitem__), len(waiting)

    @property
    def over(self) -> bool:
        """Whether nothing will be started any more."""
        return self.draining or not (self.running or any(self._in[state] for state in STARTABLE))

    def next(self) -> Step | None:
        """Start the most urgent step that is ready and fits; None when there is none now."""
        if self.draining:
            return None
        while self._later and self._later[0][0] <= self._clock():
            self._offer(heappop(self._later)[1])
        kept: Placement = []
        try:
            # Steps that want the same fit alike, so only the most urgent of each kind need be looked at.
            kinds = sorted((heap[0], wanted) for wanted, heap in self._ready.items() if heap)
            for _, wanted in kinds:
                if (placement := self._nodes.place(wanted, self._left.get(wanted))) is not None:
                    _, name = heappop(self._ready[wanted])
                    self._move(name, StepState.RUNNING)
                    self.held[name] = placement
                    return self.plan.steps[name]
                if wanted is not kinds[-1][1]:
                    kept += self._nodes.reserve(wanted)
        finally:
            self._nodes.give_back(kept)
        return None

    def finish(self, name: str, ok: bool) -> None:
        """A running step has ended. A failed one blocks what depends on it, and nothing else."""
        self._leave(name, StepState.DONE if ok else StepState.FAILED)
        if not ok:
            self._cut_off(name, StepState.BLOCKED)
            return
        for child in self._children[name]:
            self._unmet[child] -= 1
            self._offer(child)

    def halt(self, name: str) -> None:
        """A running step has stopped for good, as a selection has asked it to."""
        self.halting.discard(name)
        self._leave(name, StepState.STOPPED)
        self._cut_off(name, StepState.STOPPED)

    def release(self, name: str, state: StepState, after: float = 0.0) -> None:
        """A running step has ended before it was done, in a startable `state`; it waits `after` seconds at least."""
        self._leave(name, state)
        heappush(self._later, (self._clock() + after, name))

    def _startable(self) -> set[str]:
        return set().union(*(self._in[state] for state in STARTABLE))

    def _leave(self, name: str, state: StepState) -> None:
        """A running step gives back what it held."""
        self._move(name, state)
        held = self.held.pop(name, [])
        self._nodes.give_back(held)
        self._left = {self.plan.steps[name].demand: held}

    def _move(self, name: str, state: StepState) -> None:
        before = self._state[name]
        if state not in TRANSITIONS[before]:
            raise WrongTransition(name, before, state)
        self._in[before].remove(name)
        self._in[state].add(name)
        self._state[name] = state

    def _cut_off(self, name: str, state: StepState) -> None:
        """What depends on a step will not be started: it is stopped or blocked with it."""
        lost = list(self._children[name])
        while lost:
            below = lost.pop()
            if self._state[below] not in (state, StepState.DONE):
                self._move(below, state)
                lost += self._children[below]

    def _offer(self, name: str) -> None:
        if self._state[name] in STARTABLE and not self._unmet[name]:
            heappush(self._ready[self.plan.steps[name].demand], (self._urgency[name], name))
