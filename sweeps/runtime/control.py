"""How a sweep asks its workers to stop, hears that they live, and tells them which step follows.

    driver                         ControlActor                     a worker of step S
    ------                         ------------                     ------------------
                                   register(S)            <-------  it starts
    stop(S, reason)  ----------->
    stop_all(reason) ----------->
    preempt(nodes)   ----------->                                   the steps that have a worker there are asked
                                   stop_reason(S)         <-------  asked after an update; the call is its heartbeat
                                                          ------->  a reason: it saves its training state and leaves
    heartbeats()     <-----------
    forget(S)        ----------->                                   the attempt has ended
    follow(S, next)  ----------->  following(S)           <-------  asked when S has ended: `sweeps.runtime.series`

A stop is asked for, never enforced: a trial that Tune kills runs no clean-up, in the driver or in its workers. Only a
worker without a heartbeat for `execution.stall_minutes` is killed, by `Watchdog`. Who asks: Ctrl-C and SIGTERM
(`runtime.run`), a selection (`runtime.asha`), whoever takes a node away (`runtime.preemption`). What follows on the
driver: `schedule.dispatch`.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import ray

from cluster.connect import on_safe_node

ENDING = "the sweep is ending"
"""Why every step is asked to stop."""


class ControlActor:
    """One actor per sweep. Ray starts it again when it dies; it has forgotten everything then, and `Watchdog` tells it
    again that the sweep is to end."""

    def __init__(self) -> None:
        self._all: str | None = None
        self._steps: dict[str, str] = {}
        self._heartbeats: dict[str, float] = {}
        self._workers: dict[str, list[Any]] = {}
        self._following: dict[str, tuple[str, dict[str, Any] | None]] = {}
        self._nodes: dict[str, set[str]] = {}
        self._series: dict[str, str] = {}
        self._drivers: dict[str, str] = {}
        self._preempted: dict[str, str] = {}

    def stop_all(self, reason: str) -> None:
        """Ask the workers of every step to stop."""
        self._all = reason

    def stop(self, step: str, reason: str) -> None:
        """Ask the workers of one step to stop."""
        self._steps[step] = reason

    def drives(self, series: str, node: str) -> None:
        """What drives a series of steps is on `node`."""
        self._drivers[series] = node

    def register(self, step: str, series: str, worker: list[Any], node: str) -> None:
        """A worker of `step` has started on `node`; `worker` holds its actor handle."""
        self._heartbeats[step] = time.monotonic()
        self._workers.setdefault(step, []).extend(worker)
        self._nodes.setdefault(step, set()).add(node)
        self._series[step] = series

    def preempt(self, nodes: list[str]) -> dict[str, str]:
        """These nodes are being taken away: ask the steps to leave that have a worker or their driver there.

        Returns:
            The steps that had not been asked before, and the node of each.
        """
        asked = {}
        for step, where in self._nodes.items():
            going = (where | {self._drivers.get(self._series[step], "")}) & set(nodes)
            if going and step not in self._preempted:
                asked[step] = min(going)
        self._preempted |= asked
        return asked

    def stop_reason(self, step: str) -> str | None:
        """Why the workers of `step` shall stop; None: they shall go on. The call counts as a heartbeat of the step."""
        self._heartbeats[step] = time.monotonic()
        taken = self._preempted.get(step)
        return self._steps.get(step) or self._all or (taken and f"node {taken} is being taken away")

    def follow(self, series: str, ended: str, config: dict[str, Any] | None) -> None:
        """In the series, `config` follows the step that has ended; None: nothing does."""
        self._following[series] = (ended, config)

    def following(self, series: str, ended: str) -> tuple[bool, dict[str, Any] | None]:
        """Whether it has been said what follows a step in its series; and what."""
        step, config = self._following.get(series, ("", None))
        return (True, config) if step == ended else (False, None)

    def heartbeats(self) -> dict[str, float]:
        """Seconds since the last heartbeat of each step that has a worker."""
        now = time.monotonic()
        return {step: now - last for step, last in self._heartbeats.items()}

    def forget(self, step: str) -> list[Any]:
        """An attempt at `step` has ended: drop its heartbeat; its handles, for whoever kills what is left of it."""
        for kept in (self._heartbeats, self._nodes, self._series, self._preempted):
            kept.pop(step, None)
        return self._workers.pop(step, [])


def start_control() -> tuple[str, Any]:
    """Start the control actor of the sweep that this driver runs: its name, and the handle that keeps it alive."""
    name = f"xstilts-control-{uuid.uuid4().hex}"
    actor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(ControlActor)
    return name, actor.options(name=name, resources=on_safe_node()).remote()


def control_of(name: str) -> Any:
    """The control actor of this name."""
    return ray.get_actor(name)
