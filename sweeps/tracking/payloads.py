"""What is said of a step, as names and numbers: of its recipe, of a report while it trains, of its record when done."""

from __future__ import annotations

import time
from typing import Any

from sweeps.plan.graph import Step
from sweeps.tracking.journal import Event
from trainables.host import TrainReport
from trainables.steps import Point
from trainables.steps.kinds.train import THROUGHPUT


def begun(step: Step) -> Event:
    """All that a step's run says of it before it runs."""
    return {
        "what": "begin",
        "at": int(time.time() * 1000),
        "step": step.id,
        "name": step.name,
        "tags": {"kind": step.kind.group, "fingerprint": step.recipe.fingerprint, **step.tags},
        "params": parameters(step.recipe.model_dump(mode="json"), step.execution.model_dump(mode="json")),
    }


def parameters(recipe: dict[str, Any], execution: dict[str, Any]) -> dict[str, str]:
    """Recipe and execution, apart, as dotted names; of the tasks that files describe, their names."""
    if files := execution.get("task_files"):
        execution = {**execution, "task_files": sorted(said["name"] for said in files.values())}
    flat = _flat("recipe", recipe) | _flat("execution", execution)
    return {name: str(value) for name, value in flat.items()}


def reported(report: TrainReport) -> list[Point]:
    """What a training step has reported: the loss curve since the report before, dev metrics, and throughput."""
    at = report.global_step
    points = [("loss", loss, number) for number, loss in report.losses]
    points += [("dev_value", report.dev_value, at), *((f"dev_{name}", score, at) for name, score in report.dev.items())]
    throughput = ((name, getattr(report, name)) for name in THROUGHPUT)
    return points + [(name, value, at) for name, value in throughput if value is not None]


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    """Nested dictionaries as dotted keys; lists stay whole."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flat(f"{prefix}.{name}", item)
    return flat
