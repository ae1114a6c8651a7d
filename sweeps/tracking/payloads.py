"""What is said of a step, as names and numbers: of its recipe, of a report while it trains, of its record when done."""

from __future__ import annotations

import time
from typing import Any

from sweeps.plan.graph import Step
from sweeps.tracking.journal import Event
from trainables.steps.reports import TrainReport
from trainables.tasks import get_task

THROUGHPUT = ("learning_rate", "tokens_per_second", "gpu_memory_gib")

Point = tuple[str, float, int]
"""Name, value, update (0 where there is no curve)."""


def begun(step: Step) -> Event:
    """All that a step's run says of it before it runs."""
    return {
        "what": "begin",
        "at": int(time.time() * 1000),
        "step": step.id,
        "name": step.name,
        "tags": {"kind": step.kind, "fingerprint": step.recipe.fingerprint, **step.tags},
        "params": parameters(step.recipe.model_dump(mode="json"), step.execution.model_dump(mode="json")),
    }


def parameters(recipe: dict[str, Any], execution: dict[str, Any]) -> dict[str, str]:
    """Recipe and execution, apart, as dotted names."""
    flat = _flat("recipe", recipe) | _flat("execution", execution)
    return {name: str(value) for name, value in flat.items()}


def reported(report: TrainReport) -> list[Point]:
    """What a training step has reported: the loss curve since the report before, dev metrics, and throughput."""
    at = report.global_step
    points = [("loss", loss, number) for number, loss in report.losses]
    points += [("dev_value", report.dev_value, at), *((f"dev_{name}", score, at) for name, score in report.dev.items())]
    throughput = ((name, getattr(report, name)) for name in THROUGHPUT)
    return points + [(name, value, at) for name, value in throughput if value is not None]


def curves(training: dict[str, Any]) -> list[Point]:
    """The curves of a training from their beginning: of its result, or of the note of its training state."""
    points = [("loss", loss, at) for at, loss in training["losses"]]
    points += [
        (f"dev_{name}", value, point["step"])
        for point in training["dev"]
        for name, value in point.items()
        if name != "step"
    ]
    return points + [
        (name, point[name], point["step"])
        for point in training.get("throughput", [])
        for name in THROUGHPUT
        if name in point
    ]


def best(result: dict[str, Any]) -> list[Point]:
    """What picked the checkpoint that a done training has left: its dev metrics, and at which step it was."""
    return [(f"best_{name}", value, 0) for name, value in (result["best"] or {}).items() if name != "value"]


def evaluated(task: str, scores: dict[str, dict[str, float]]) -> list[Point]:
    """A done evaluation: of each language the metrics that its score is made of, and of every metric the mean over the
    zero-shot languages. What else there is of a language (precision, recall) is in the run's file of metrics: each name
    is a column to the UI, in every run."""
    known = get_task(task)
    points = [
        (f"{task}/{language}/{metric}", value, 0)
        for language, metrics in scores.items()
        for metric, value in metrics.items()
        if metric in known.main_metrics
    ]
    scored = [metrics for language, metrics in scores.items() if metrics and language != known.train_language]
    means = {metric: sum(one[metric] for one in scored) / len(scored) for metric in (scored[0] if scored else ())}
    return points + [(f"{task}/zero-shot/{metric}", mean, 0) for metric, mean in means.items()]


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    """Nested dictionaries as dotted keys; lists stay whole."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flat(f"{prefix}.{name}", item)
    return flat
