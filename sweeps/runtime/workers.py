"""The workers of a series that begins with a training: Ray Train's (`TorchTrainer` of Train V2, DeepSpeed inside).

Importing this imports torch, which the driver does without.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ray import train
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.tune.integration.ray_train import TuneReportCallback

from cluster.local.janitor import MARK
from sweeps.runtime.attempt import attempt
from sweeps.runtime.failed_start import FailedStart
from sweeps.runtime.messages import TrialConfig
from sweeps.runtime.rendezvous import OneMachine
from sweeps.runtime.series import series


class StepTrainer(TorchTrainer):
    """A `TorchTrainer` that holds nothing when its workers have failed while they started; and without the actor that
    hands out Ray Data sets: steps read their rows from the store, and on a small machine each process that Ray starts
    for a step costs seconds."""

    def _create_default_callbacks(self) -> list[Any]:
        usual = [c for c in super()._create_default_callbacks() if not isinstance(c, DatasetsCallback)]
        return [FailedStart(), *usual]


def in_workers(first: TrialConfig) -> None:
    """Carry out a series that begins with a training."""
    execution = first.execution
    resources: dict[str, float] = {"CPU": execution.cpus_per_worker}
    if execution.gpus_per_worker:
        resources["GPU"] = execution.gpus_per_worker
    StepTrainer(
        _worker,
        train_loop_config=first.to_ray(),
        torch_config=_rendezvous("nccl" if execution.gpus_per_worker else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=execution.workers,
            use_gpu=execution.gpus_per_worker > 0,
            resources_per_worker=resources,
        ),
        # Train takes a finished run's name for the finished run and trains nothing, so each attempt has its own;
        # what an attempt goes on from is the training state in the store.
        run_config=train.RunConfig(
            name=f"{first.step}-{time.time_ns()}",
            storage_path=first.scratch,
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
    """One worker of such a series."""
    from trainables.training.engine import leave

    rank = train.get_context().get_world_rank()
    for step in series(TrialConfig(**config)):
        train.report(attempt(step, rank))
    leave()
