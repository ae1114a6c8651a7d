"""Data steps: rows of a task are read and tokenised once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.recipe.execution import Execution
from trainables.recipe.recipes import DataRecipe
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.work import Work, WorkContext
from trainables.store import Store


class Data(SingleProcessKind):
    name = "data"
    recipe = DataRecipe
    group = "prepare"
    preparation = True

    def make(
        self, recipe: DataRecipe, execution: Execution, store: Store, workdir: Path, check_stop: Callable[[], None]
    ) -> dict[str, Any]:
        from trainables.data.prepare import prepare_data

        return prepare_data(recipe, store, execution, workdir, check_stop)

    def work(self, recipe: DataRecipe, context: WorkContext) -> Work:
        splits = dict.fromkeys(rows.split for rows in recipe.rows)
        return Work(sum(context.size(recipe.id, split).tokens for split in splits))
