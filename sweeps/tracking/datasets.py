"""What a step reads, as data sets of MLflow: one for each data step that it reads, with the revision of its rows."""

from __future__ import annotations

import json

from mlflow.entities import Dataset, DatasetInput, InputTag

from trainables.recipe.recipes import DataRecipe, Recipe
from trainables.steps import StepRecord, kind_of, split_counts
from trainables.store import Store


def data_of(recipe: Recipe, store: Store) -> list[DatasetInput]:
    """The data sets that a step reads, as far as the store has them."""
    tags = [InputTag("mlflow.data.context", kind_of(recipe).data_context)]
    # Damaged data is prepared again by the next run; what was made with it is told all the same.
    return [DatasetInput(_data_set(step, store), tags) for step in recipe.data_steps if store.done(step)]


def selected_on(recipe: Recipe, store: Store) -> dict[str, Dataset]:
    """The data sets whose dev rows picked the checkpoint of a step (`Recipe.selected_on`)."""
    return {
        task: _data_set(step, store)
        for task, steps in recipe.selected_on.items()
        for step in steps
        if store.done(step) and any(rows.split == "dev" for rows in _recipe(step, store).rows)
    }


def _recipe(step: str, store: Store) -> DataRecipe:
    return DataRecipe.model_validate(StepRecord.of(store, step).recipe)


def _data_set(step: str, store: Store) -> Dataset:
    recipe = _recipe(step, store)
    rows = {one.name: one.revision for one in recipe.rows}
    splits = " ".join(dict.fromkeys(one.split for one in recipe.rows))
    changed = sorted({one.perturbation.kind for one in recipe.rows if one.perturbation is not None})
    return Dataset(
        name=" ".join((recipe.task.name, splits, *changed)),
        digest=StepRecord.of(store, step).fingerprint[:16],
        source_type="xstilts",
        # MLflow keeps one description for a name and digest, whichever sweep came first: no path of a store in it.
        source=json.dumps({"step": step, "source": recipe.task.source, "revisions": rows}),
        profile=json.dumps({"rows": sum(counts.examples for counts in split_counts(store, step).values())}),
    )
