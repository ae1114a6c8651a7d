"""Scores by language as a table of a run, with what is known of each language, so that MLflow groups them by any of it:
in its UI (artifacts as tables), or by `mlflow.load_table("languages.json").groupby("resource")`.

A table takes one call and no name of a number, of which MLflow's UI makes a column each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from sweeps.plan.graph import Role
from sweeps.results.groups import NOT_KNOWN, group_of
from sweeps.spec.model import ModelSpec
from trainables.recipe.recipes import EvaluateRecipe
from trainables.steps.records import EvaluateResult
from trainables.tasks import get_task
from trainables.tasks.language_facts import Grouping

TABLE = "languages.json"
TAGS = {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": TABLE, "type": "table"}])}
"""By which MLflow knows that a run has it."""
OF_CELL = ("model", "intermediate", "target", "seed")
COLUMNS = (*OF_CELL, "language", "trained_on", *get_args(Grouping), "metric", "value")


def table_of(
    recipe: EvaluateRecipe, result: EvaluateResult, roles: tuple[Role, ...], models: Mapping[str, ModelSpec]
) -> dict[str, Any]:
    """Rows of an evaluation: of each cell that it is of, each language, and each metric that its score is made of.

    Args:
        models: of the sweep, by name.
    """
    task = get_task(recipe.task.name)
    rows = []
    for role in roles:
        if role.model is None:
            continue
        for language, metrics in result.metrics.items():
            groups = [group_of(models[role.model], language, by) or NOT_KNOWN for by in get_args(Grouping)]
            about = [*(getattr(role, name) for name in OF_CELL), language, language == task.train_language, *groups]
            rows += [[*about, name, value] for name, value in metrics.items() if name in task.main_metrics]
    return {"columns": list(COLUMNS), "data": rows}
