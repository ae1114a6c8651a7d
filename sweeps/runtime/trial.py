"""What one Tune trial does: carry out one step on the cluster.

The trial itself is a thin driver that needs no CPU of its own. Training runs in a Ray Train `TorchTrainer` (Train V2,
DeepSpeed inside); preparing and evaluating run as Ray tasks, whose processes Ray keeps, warm, for the next such step.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.tune.integration.ray_train import TuneReportCallback

from cluster.local.janitor import MARK
from sweeps.runtime.control import control_of
from sweeps.runtime.messages import TrialConfig, TrialReport
from sweeps.runtime.rendezvous import OneMachine
from sweeps.schedule.states import StepState
from trainables.failure import StepFailed, failed
from trainables.host import TrainReport
from trainables.plugins import load_plugins
from trainables.steps import get_step_kind, read_recipe
from trainables.steps.run import carry_out
from trainables.store import Store
from trainables.store.logs import logged

DRIVER = tune.PlacementGroupFactory([{"memory": 64 * 2**20}])
"""What Tune reserves for a trial. Workers reserve CPUs and GPUs; the schedule keeps them within capacity."""


ASKING = 0.1
"""Seconds between two questions to the control actor, at least: a question takes milliseconds, and so may an update."""


class RayHost:
    """The host of a worker: reports to Ray Train, asks the sweep's control actor whether to stop."""

    def __init__(self, control: Any, step: str) -> None:
        self._control, self._step = control, step
        self._asked, self._reason = float("-inf"), None
        context = ray.get_runtime_context()
        worker = [context.current_actor] if context.get_actor_id() else []
        ray.get(control.register.remote(step, worker))

    def report(self, report: TrainReport) -> None:
        train.report(TrialReport(state=StepState.RUNNING, progress=report).to_ray())

    def should_stop(self) -> str | None:
        if time.monotonic() - self._asked >= ASKING:
            self._reason = ray.get(self._control.stop_reason.remote(self._step))
            self._asked = time.monotonic()
        return self._reason


class StepTrainer(TorchTrainer):
    """A `TorchTrainer` without the actor that hands out Ray Data sets: steps read their rows from the store, and on a
    small machine each process that Ray starts for a step costs seconds."""

    def _create_default_callbacks(self) -> list[Any]:
        return [c for c in super()._create_default_callbacks() if not isinstance(c, DatasetsCallback)]


def run_step(config: dict[str, Any]) -> None:
    """The trial function. `config` is a `TrialConfig`, and what it reports are `TrialReport`s, both as dictionaries."""
    trial = TrialConfig(**config)
    store, execution = Store(trial.store), trial.execution
    if store.done(trial.step):
        tune.report(TrialReport(state=StepState.DONE).to_ray())
        return
    try:
        load_plugins(execution.plugins)
        kind = get_step_kind(trial.recipe["kind"])
        if kind.distributed:
            _train(trial)
        else:
            resources = {
                "num_cpus": execution.cpus_per_worker,
                "max_retries": 0,
                # Not in the trial's own reservation, which holds no CPU.
                "scheduling_strategy": "DEFAULT",
            }
            if kind.uses_gpu:
                resources["num_gpus"] = execution.gpus_per_worker
            task = _task.options(**resources).remote(config)
            ray.get(control_of(trial.control).add_handles.remote(trial.step, [task]))
            ray.get(task)
    except Exception as error:
        cause = _cause(error)
        tune.report(TrialReport(state=StepState.FAILED, error=cause.text, kind=cause.kind).to_ray())
        return
    tune.report(TrialReport(state=StepState.DONE if store.done(trial.step) else StepState.PAUSED).to_ray())


def _train(trial: TrialConfig) -> None:
    execution = trial.execution
    resources: dict[str, float] = {"CPU": execution.cpus_per_worker}
    if execution.gpus_per_worker:
        resources["GPU"] = execution.gpus_per_worker
    StepTrainer(
        _worker,
        train_loop_config=trial.to_ray(),
        torch_config=_rendezvous("nccl" if execution.gpus_per_worker else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=execution.workers,
            use_gpu=execution.gpus_per_worker > 0,
            resources_per_worker=resources,
        ),
        # Train takes a finished run's name for the finished run and trains nothing, so each attempt has its own;
        # what an attempt goes on from is the training state in the store.
        run_config=train.RunConfig(
            name=f"{trial.step}-{time.time_ns()}",
            storage_path=trial.scratch,
            callbacks=[TuneReportCallback()],
        ),
    ).fit()


def _rendezvous(backend: str) -> TorchConfig:
    """How workers find each other: on a port of the first one, or, on one machine, in a file."""
    folder = os.environ.get(MARK)
    if folder is None:
        return TorchConfig(backend=backend)
    return OneMachine(backend=backend, init_method=f"file://{folder}/rendezvous-{time.time_ns()}")


def _worker(config: dict[str, Any]) -> None:
    """One worker of a training step."""
    from trainables.training.engine import leave

    _carry_out(config, train.get_context().get_world_rank())
    leave()


@ray.remote
def _task(config: dict[str, Any]) -> None:
    """A step that one process carries out."""
    _carry_out(config, 0)


def _carry_out(config: dict[str, Any], rank: int) -> None:
    import torch

    trial = TrialConfig(**config)
    store = Store(trial.store, trial.owner)
    torch.set_num_threads(trial.execution.cpus_per_worker)
    with _readable_failures(), logged(store, trial.step, rank):
        load_plugins(trial.execution.plugins)
        host = RayHost(control_of(trial.control), trial.step)
        carry_out(read_recipe(trial.recipe), trial.execution, store, host)


@contextmanager
def _readable_failures() -> Iterator[None]:
    """Turn whatever goes wrong in a worker into what the driver can read, without the modules of the worker."""
    try:
        yield
    except Exception as error:
        raise failed(error) from None


def _cause(error: BaseException) -> StepFailed:
    """What a worker said of its failure, wherever Ray has wrapped it; else what Ray says."""
    for wrapped in (*getattr(error, "worker_failures", {}).values(), getattr(error, "cause", None)):
        for cause in (wrapped, getattr(wrapped, "_base_exc", None)):
            if isinstance(cause, StepFailed):
                return cause
    return failed(error)
