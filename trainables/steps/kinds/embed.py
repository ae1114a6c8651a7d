"""Embed steps: subwords and vectors of some rows, which several analyses read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.recipe.analyses import EmbedRecipe
from trainables.recipe.execution import Execution
from trainables.steps.kinds.memory import largest_micro_batch
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.work import Size, Work, WorkContext
from trainables.store import Store
from trainables.training.memory import Computing, DeviceType, Memory, evaluation_memory

EMBEDDED = "embedded.npz"
"""What a step leaves: `vectors` (rows, hidden) in float32; `texts` (rows,), a digest of each row's text; `subwords`
(different ones, 2), the id of each and how often it is in the rows."""


class Embed(SingleProcessKind):
    name = "embed"
    recipe = EmbedRecipe
    group = "analyse"
    uses_gpu = True
    data_context = "analysis"

    def make(
        self, recipe: EmbedRecipe, execution: Execution, store: Store, workdir: Path, check_stop: Callable[[], None]
    ) -> dict[str, Any]:
        import numpy as np

        from trainables.analysis.features import embed

        found = embed(recipe, store, execution, check_stop)
        subwords = np.array(sorted(found.subwords.items()), dtype=np.int64)
        np.savez(workdir / EMBEDDED, vectors=found.vectors, texts=found.texts, subwords=subwords)
        return {"rows": len(found.vectors), "subwords": sum(found.subwords.values()), "layer": found.layer}

    def work(self, recipe: EmbedRecipe, context: WorkContext) -> Work:
        """A forward pass over its rows."""
        shape, size = context.shape(recipe.model), read(recipe.data, recipe.split, recipe.limit, context)
        return Work(size.tokens, size.tokens * shape.forward(size.length), shape=shape)

    def memory(self, recipe: EmbedRecipe, execution: Execution, context: WorkContext, device: DeviceType) -> Memory:
        size = read(recipe.data, recipe.split, recipe.limit, context)
        batch, _ = largest_micro_batch(size, recipe.max_length, None, execution, 1)
        return evaluation_memory(context.shape(recipe.model), Computing(device=device), batch, all_layers=True)


def read(data: tuple[str, ...], split: str, limit: int, context: WorkContext) -> Size:
    """What at most `limit` rows of a split of some data steps come to."""
    size = sum((context.size(step, split) for step in data), Size())
    return size.times(min(1.0, limit / size.features)) if size.features else size
