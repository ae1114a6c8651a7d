"""An attempt at a step, in one of the processes that carry it out together on the cluster."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import ray
from ray import train

from sweeps.runtime.control import control_of
from sweeps.runtime.messages import TrialConfig, TrialReport
from sweeps.schedule.states import StepState
from trainables.failure import failed
from trainables.host import TrainReport
from trainables.plugins import load_plugins
from trainables.steps import read_recipe
from trainables.steps.run import carry_out, tidy
from trainables.store import Store
from trainables.store.logs import logged
from trainables.training.memory import CONTEXT

ASKING = 0.1
"""Seconds between two questions to the control actor, at least: a question takes milliseconds, and so may an update."""


class RayHost:
    """The host of a worker: reports to Ray Train, asks the sweep's control actor whether to stop."""

    def __init__(self, trial: TrialConfig) -> None:
        self._control, self._step = control_of(trial.control), trial.step
        self._asked, self._reason = float("-inf"), None
        here = ray.get_runtime_context()
        ray.get(self._control.register.remote(trial.step, trial.series, [here.current_actor], here.get_node_id()))

    def report(self, report: TrainReport) -> None:
        train.report(TrialReport(state=StepState.RUNNING, step=self._step, progress=report).to_ray())

    def should_stop(self) -> str | None:
        if time.monotonic() - self._asked >= ASKING:
            self._reason = ray.get(self._control.stop_reason.remote(self._step))
            self._asked = time.monotonic()
        return self._reason


def attempt(trial: TrialConfig, rank: int) -> dict[str, Any]:
    """Carry out a step as this process's part of it; what there is to report."""
    import torch

    _settle()
    store = Store(trial.store, trial.owner)
    torch.set_num_threads(trial.execution.cpus_per_worker)
    if 0 < trial.execution.gpus_per_worker < 1 and torch.cuda.is_available():
        _keep_to(trial.execution.gpus_per_worker)
    with _readable_failures(), logged(store, trial.step, rank):
        load_plugins(trial.execution.plugins)
        # Where Ray Train has started a group again, its series begins anew with what is done.
        done = store.done(trial.step)
        if not done:
            done = carry_out(read_recipe(trial.recipe), trial.execution, store, RayHost(trial))
            tidy()
    return TrialReport(state=StepState.DONE if done else StepState.PAUSED, step=trial.step).to_ray()


@cache
def _settle() -> None:
    """Have the garbage collector, which runs after every step (`tidy`), pass over what is there before the first."""
    gc.freeze()


def _keep_to(share: float) -> None:
    """Have torch take no more than this process's share of its GPU's memory: a step that needs more fails by itself,
    and is tried again with smaller micro-batches, and none beside it fails with it."""
    import torch

    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(max(share - CONTEXT / whole, 0.0))


@contextmanager
def _readable_failures() -> Iterator[None]:
    """Turn whatever goes wrong in a worker into what the driver can read, without the modules of the worker."""
    try:
        yield
    except Exception as error:
        raise failed(error) from None
