"""Evaluate steps: predictions and scores of one task, language by language, with one checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.recipe.execution import Execution
from trainables.recipe.recipes import EvaluateRecipe
from trainables.steps.base import Point, Shown
from trainables.steps.kinds.forward import forward_flops
from trainables.steps.kinds.memory import evaluated_memory
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.records import EvaluateResult, StepRecord
from trainables.steps.work import Size, Work, WorkContext
from trainables.store import METRICS, PREDICTIONS, Store
from trainables.tasks import get_task
from trainables.training.memory import DeviceType, Memory


class Evaluate(SingleProcessKind):
    name = "evaluate"
    recipe = EvaluateRecipe
    group = "evaluate"
    uses_gpu = True
    data_context = "evaluation"

    def make(
        self, recipe: EvaluateRecipe, execution: Execution, store: Store, workdir: Path, check_stop: Callable[[], None]
    ) -> dict[str, Any]:
        from trainables.evaluation.evaluate import evaluate

        return evaluate(recipe, store, execution, workdir, check_stop)

    def work(self, recipe: EvaluateRecipe, context: WorkContext) -> Work:
        """A forward pass over all its rows."""
        shape = context.shape(recipe.model)
        size = sum((context.size(recipe.data, split) for split in ("test", "submission", "dev", "pool")), Size())
        tower = context.tower(recipe.task.alignment)
        tokens = size.tokens + (size.features * tower.patches if tower is not None else 0.0)
        flops = forward_flops(shape, recipe.task, size, tower)
        return Work(tokens, flops, shape=shape, precision=recipe.precision)

    def memory(
        self, recipe: EvaluateRecipe, execution: Execution, context: WorkContext, device: DeviceType
    ) -> Memory | None:
        return evaluated_memory(recipe, execution, context, device)

    def shown(self, recipe: EvaluateRecipe, record: StepRecord) -> Shown:
        result = EvaluateResult.model_validate(record.result)
        scores = tuple(_scores(recipe.task.name, result.metrics))
        return Shown(scores=scores, files=(METRICS,), folders=(PREDICTIONS,))


def _scores(task: str, scores: dict[str, dict[str, float]]) -> list[Point]:
    """Of each language the metrics that its score is made of, and of every metric the mean over the zero-shot
    languages, but for those of single subjects (`accuracy/subject/...`). What else there is of a language (precision,
    recall) is in the run's file of metrics: MLflow's UI makes a column of each name, in every run."""
    known = get_task(task)
    points = [
        (f"{task}/{language}/{metric}", value, 0)
        for language, metrics in scores.items()
        for metric, value in metrics.items()
        if metric in known.main_metrics
    ]
    scored = [metrics for language, metrics in scores.items() if metrics and language != known.train_language]
    shared = [name for name in (scored[0] if scored else ()) if all(name in one for one in scored)]
    means = {name: sum(one[name] for one in scored) / len(scored) for name in shared if name.count("/") < 2}
    return points + [(f"{task}/zero-shot/{metric}", mean, 0) for metric, mean in means.items()]
