"""What the store knows of single examples: how much each adds to a cell's score in each language."""

from __future__ import annotations

from collections.abc import Sequence

import datasets

from trainables.evaluation.predictions import read_predictions
from trainables.metrics.by_example import Shares, together
from trainables.recipe.recipes import EvaluateRecipe
from trainables.steps import EvaluateResult, StepRecord
from trainables.store import Store
from trainables.task_types import NoShares, get_task_type
from trainables.tasks import get_task

EXACT = 1e-6
"""Points by which a score from the shares may differ from the recorded one."""

__all__ = ["NoShares", "shares_of"]


def shares_of(store: Store, evaluations: Sequence[str], language: str) -> tuple[list[str], list[Shares]]:
    """Ids of the test examples of one target in `language`, and their shares in the score of each evaluation.

    Raises NoShares where there are none, ValueError where what the store has does not give the recorded score.
    """
    records = [StepRecord.of(store, step) for step in evaluations]
    recipes = [EvaluateRecipe.model_validate(record.recipe) for record in records]
    first, task = recipes[0], get_task(recipes[0].task.name)
    rows = datasets.load_from_disk(str(store.path(first.data) / f"test-{language}" / "examples"))
    ids, measure = get_task_type(first.task.type).measure(first.task, language, rows)
    found = []
    for step, record in zip(evaluations, records, strict=True):
        by_metric = measure(read_predictions(store, step, language))
        shares = together([by_metric[name] for name in task.main_metrics])
        score = task.score(EvaluateResult.model_validate(record.result).metrics[language])
        if abs(shares.score - score) > EXACT:
            raise ValueError(
                f"{step}: its predictions in {language} give {shares.score:.4f}, its record says {score:.4f}; "
                "delete the step from the store and run again"
            )
        found.append(shares)
    return ids, found
