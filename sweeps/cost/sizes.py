"""How much data the steps of a plan read: counted where it is prepared, else expected, else assumed."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.cost.lengths import UNKNOWN_ROWS, expected_length, expected_rows
from trainables.recipe.recipes import DataRecipe, Recipe
from trainables.recipe.tasks import SplitRef, TaskSpec
from trainables.steps import SplitCounts, split_counts
from trainables.steps.work import Size
from trainables.store import Store

UNCUT = 512
"""Subwords at which text for a tokenizer is taken to end, which nothing cuts."""


class Sizes:
    """Sizes of what the data steps among `recipes` make. `store` is asked for those that are done."""

    def __init__(self, recipes: Mapping[str, Recipe], store: Store | None) -> None:
        self._recipes, self._store = recipes, store
        self._counts: dict[str, dict[str, SplitCounts] | None] = {}
        self._found: dict[tuple[str, str], Size] = {}
        self.counted: dict[str, None] = {}
        """Data steps whose rows are counted."""
        self.estimated: dict[str, None] = {}
        """Data steps whose rows are expected or assumed."""
        self.unknown: dict[str, None] = {}
        """What no source gives a number of rows for: task and split."""

    def of(self, step: str, split: str) -> Size:
        """Rows of a split, in all languages of a data step."""
        if (step, split) not in self._found:
            recipe = self._recipes[step]
            assert isinstance(recipe, DataRecipe)
            sizes = (self._size(step, recipe, rows) for rows in recipe.rows if rows.split == split)
            self._found[step, split] = sum(sizes, Size())
        return self._found[step, split]

    def text(self, task: TaskSpec, rows: SplitRef) -> Size:
        """Rows that no data step has, as they are expected: what a tokenizer reads."""
        return self._expected(task, rows, UNCUT)

    def _size(self, step: str, recipe: DataRecipe, rows: SplitRef) -> Size:
        counts = self._counts_of(step)
        expected = self._expected(recipe.task, rows, recipe.max_length, quiet=counts is not None)
        if counts is None:
            self.estimated[step] = None
            return expected
        self.counted[step] = None
        counted = counts[rows.name]
        tokens, features = float(counted.subwords), float(counted.features)
        per_feature = expected.sequences / expected.features
        return Size(features, tokens, tokens / (features * per_feature))

    def _counts_of(self, step: str) -> dict[str, SplitCounts] | None:
        if step not in self._counts:
            done = self._store is not None and self._store.done(step)
            self._counts[step] = split_counts(self._store, step) if done and self._store is not None else None
        return self._counts[step]

    def _expected(self, task: TaskSpec, rows: SplitRef, max_length: int, quiet: bool = False) -> Size:
        length = expected_length(task, rows.split, max_length)
        count = expected_rows(task, rows.split, rows.language, rows.revision)
        if count is None:
            count = rows.limit or UNKNOWN_ROWS[rows.split]
            if rows.limit is None and not quiet:
                self.unknown[f"{task.name} {rows.split}"] = None
        features = min(count, rows.limit or count) * length.features
        return Size(features, features * length.sequences * length.subwords, length.subwords)
