"""A series: the steps that one group of workers carries out, one after another.

Starting a group of workers (Ray Train's controller, its helpers, processes that import torch) takes as long as many a
step, so workers stay while the step that the schedule has next wants the same processes with the same CPUs and GPUs.
The schedule's order is that without series; each step keeps its recipe, lease, record and log.

    worker                              Tune trial            driver (`PlanSearcher`)
    carries out S
    reports that S is done or paused -> passes it on       -> books it, asks the schedule for the next step N
    asks the control actor what follows S               <---  follow(S, N), or nothing: the workers leave

A failure ends the series, so whatever has failed is tried again by new processes; and so does a step that left before
it was over, as it does where its node goes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import ray

from sweeps.runtime.control import control_of
from sweeps.runtime.messages import TrialConfig
from trainables.steps import get_step_kind

PATIENCE = 300.0
"""Seconds after which workers leave that are not told what follows: the control actor has died, and forgotten it."""
ASKING = 0.05
"""Seconds between two questions for it."""


def goes_on(first: TrialConfig, step: TrialConfig) -> bool:
    """Whether the workers of a series that began with `first` can carry out `step`: they are as many, hold what it
    wants, and are one process group where it wants that."""
    began, kind = (get_step_kind(config.recipe["kind"]) for config in (first, step))
    if kind.distributed and not began.distributed:
        return False
    return began.demand(first.execution) == kind.demand(step.execution)


def series(first: TrialConfig) -> Iterator[TrialConfig]:
    """`first`, and whatever follows, as long as something does. Each worker of a group iterates for itself, and goes on
    when the step in hand has been reported as done or paused."""
    step: TrialConfig | None = first
    while step is not None:
        yield step
        step = _following(step)


def _following(ended: TrialConfig) -> TrialConfig | None:
    control, until = control_of(ended.control), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        known, config = ray.get(control.following.remote(ended.series, ended.step))
        if known:
            return None if config is None else TrialConfig(**config)
        time.sleep(ASKING)
    return None
