"""What one Tune trial does: carry out a series of steps on the cluster.

The trial itself is a thin driver that needs no CPU of its own. A series that begins with a training has the workers of
Ray Train (`sweeps.runtime.workers`), and what follows is carried out there, too; one that begins with preparing or
evaluating has an actor, without Ray Train's four helpers.
"""

from __future__ import annotations

from typing import Any

import ray
from ray import tune

from cluster.connect import on_safe_node
from sweeps.runtime.attempt import attempt
from sweeps.runtime.control import control_of
from sweeps.runtime.messages import TrialConfig, TrialReport
from sweeps.runtime.series import series
from sweeps.schedule.states import StepState
from trainables.failure import StepFailed, failed
from trainables.plugins import load_plugins
from trainables.steps import get_step_kind


def driver_resources() -> tune.PlacementGroupFactory:
    """What Tune reserves for a trial. Workers reserve CPUs and GPUs; the schedule keeps them within capacity."""
    return tune.PlacementGroupFactory([{"memory": 64 * 2**20, **on_safe_node()}])


def run_series(config: dict[str, Any]) -> None:
    """The trial function. `config` is a `TrialConfig`, and what it reports are `TrialReport`s, both as dictionaries."""
    first = TrialConfig(**config)
    # Ray Train's controller is on the node of this process, too.
    control_of(first.control).drives.remote(first.series, ray.get_runtime_context().get_node_id())
    try:
        load_plugins(first.execution.plugins)
        kind = get_step_kind(first.recipe["kind"])
        if kind.distributed:
            from sweeps.runtime.workers import in_workers

            in_workers(first)
        else:
            _in_process(first, first.execution.gpus_per_worker if kind.uses_gpu else 0)
    except Exception as error:
        cause = _cause(error)
        tune.report(TrialReport(state=StepState.FAILED, error=cause.text, kind=cause.kind).to_ray())


def _in_process(first: TrialConfig, gpus: float) -> None:
    """A series of steps that one process carries out."""
    process = (
        ray.remote(_Process)
        .options(
            num_cpus=first.execution.cpus_per_worker,
            num_gpus=gpus,
            # Not in the trial's own reservation, which holds no CPU.
            scheduling_strategy="DEFAULT",
        )
        .remote()
    )
    try:
        for step in series(first):
            tune.report(ray.get(process.carry_out.remote(step.to_ray())))
    finally:
        ray.kill(process)


class _Process:
    """The process of a series of steps that need one."""

    def carry_out(self, config: dict[str, Any]) -> dict[str, Any]:
        return attempt(TrialConfig(**config), 0)


def _cause(error: BaseException) -> StepFailed:
    """What a worker said of its failure, wherever Ray has wrapped it; else what Ray says."""
    ways = (getattr(error, "cause", None), getattr(error, "controller_failure", None))
    for wrapped in (*getattr(error, "worker_failures", {}).values(), *ways):
        for cause in (wrapped, getattr(wrapped, "_base_exc", None)):
            if isinstance(cause, StepFailed):
                return cause
    return failed(error)
