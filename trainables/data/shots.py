"""Rows that stand with their answers before others in prompts, and whether they fit."""

from __future__ import annotations

from typing import Any

from trainables.data.prepare import read_rows, read_shots
from trainables.models.inputs import load_input_encoder
from trainables.outside.text import bounded
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import DataRecipe
from trainables.store import Store
from trainables.task_types import get_task_type


def unfit(recipe: DataRecipe, store: Store, execution: Execution) -> str | None:
    """A line where a row of a data step does not fit behind its shots, told without encoding all of them.

    Of each language and subject the row of most characters is encoded: shots are the same for all rows of a subject.
    So a row of fewer characters and more subwords is found when the step is carried out, and not here.

    Args:
        recipe: with shots; its tokenizer is there.
    """
    assert recipe.shots is not None
    modeling = get_task_type(recipe.task.type).modeling()
    try:
        encoder = load_input_encoder(recipe.tokenizer, store, execution)
        shots = read_shots(recipe.shots, execution)
        for rows in recipe.rows:
            examples = read_rows(recipe.task, rows, execution).examples
            before = shots.get(rows.language) or next(iter(shots.values()))
            modeling.encode_behind(before, examples.select(_longest(examples)), encoder, recipe.task, recipe.max_length)
    except ValueError as problem:
        return bounded(str(problem))
    return None


def _longest(examples: Any) -> list[int]:
    """Of each subject the number of the row with most characters."""
    found: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(examples.to_list()):
        size = len(row["prompt"]) + sum(map(len, row["choices"]))
        found[row["subject"]] = max(found.get(row["subject"], (-1, 0)), (size, number))
    return [number for _, number in found.values()]
