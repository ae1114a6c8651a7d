"""Which weights of a training are kept: those of its best evaluation on the dev rows."""

from __future__ import annotations

from pathlib import Path

from trainables.metrics.collapse_detection import GRACE
from trainables.models.artifact import save_artifact
from trainables.training.attempt import Attempt
from trainables.training.state import NO_NUMBER, TrainerState


def evaluate(attempt: Attempt, progress: TrainerState, artifact_dir: Path | None) -> dict[str, float] | None:
    """Score the dev rows and book it; the weights are kept in `artifact_dir` (of the first worker) if they are the best
    yet. Every worker must call.

    Of several tasks, the mean of their selection values decides.

    Returns:
        The metrics by name; None where the model's outputs are no numbers: the attempt has collapsed.
    """
    optimisation = attempt.recipe.optimisation
    metrics: dict[str, float] = {}
    values, at_chance, loss_decreased = [], True, False
    for task, before, loss in zip(attempt.tasks, progress.before, progress.mean_losses(), strict=True):
        if task.train_task.select is None:
            continue
        outputs = attempt.dev_outputs(task)
        if outputs is None:
            progress.collapse(NO_NUMBER, progress.step)
            return None
        scores, value = task.score(outputs, attempt.engine.device)
        name = f"{task.train_task.task.title}/" if len(attempt.tasks) > 1 else ""
        metrics |= {name + metric: score for metric, score in scores.items()}
        values.append(value)
        at_chance &= task.at_chance(scores, loss)
        loss_decreased |= task.loss_decreased(before, loss)
    if progress.evaluated(sum(values) / len(values), metrics, optimisation.min_gain):
        weights = attempt.weights(progress.step)
        if artifact_dir is not None:
            save_artifact(artifact_dir, attempt.engine.model, attempt.tokenizer, weights, attempt.base)
    progress.update_collapse(
        at_chance, loss_decreased, max(optimisation.warmup, GRACE) * attempt.steps, optimisation.collapse_patience
    )
    return metrics
