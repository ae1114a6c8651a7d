"""Similarity steps: how near the training rows of an intermediate are to English rows of a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from trainables.outside.fields import Count, CountOrZero
from trainables.recipe.analyses import EmbedRecipe, SimilarityRecipe
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import ModelSource
from trainables.steps.base import FurtherStep, PlanContext
from trainables.steps.kinds.cells import language_of, read_options, trained_cells
from trainables.steps.kinds.embed import EMBEDDED
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.records import StepRecord
from trainables.store import Store

Split = Literal["train", "dev"]
MOST = 5000
"""Rows of a side: the kernel of `mmd2` is over all pairs of them."""


class SimilarityOptions(Frozen):
    """What `steps.similarity` may say."""

    layer: CountOrZero | None = None
    """The block of the starting model whose output is read (0: the embeddings); without it the last."""
    limit: Annotated[int, Field(strict=True, ge=4, le=MOST)] = 2000
    """Rows of each side, at most, drawn by position."""
    max_length: Count = 128
    """Subwords of a row that the model reads."""
    rows: Split = "train"
    """Which of the target's own rows in the language that it is trained in."""


class Similarity(SingleProcessKind):
    name = "similarity"
    recipe = SimilarityRecipe
    group = "analyse"

    def make(
        self,
        recipe: SimilarityRecipe,
        execution: Execution,
        store: Store,
        workdir: Path,
        check_stop: Callable[[], None],
    ) -> dict[str, Any]:
        import numpy as np

        from trainables.analysis.distances import Rows, cosine_of_means, jensen_shannon, mmd2, proxy_a_distance

        loaded = [np.load(store.path(step) / EMBEDDED) for step in (recipe.intermediate, recipe.target)]
        ours, theirs = (Rows(np.asarray(one["vectors"], dtype=float), one["texts"]) for one in loaded)
        counts = [{int(subword): int(count) for subword, count in one["subwords"]} for one in loaded]
        found: dict[str, Any] = {
            "jensen_shannon": jensen_shannon(*counts),
            "cosine": cosine_of_means(ours.vectors, theirs.vectors),
        }
        for name, measure in (("mmd2", mmd2), ("proxy_a_distance", proxy_a_distance)):
            check_stop()
            found[name] = measure(ours, theirs)
        layer = StepRecord.of(store, recipe.target).result["layer"]
        return found | {"intermediate_rows": len(ours.texts), "target_rows": len(theirs.texts), "layer": layer}

    def plan(self, options: Mapping[str, Any], context: PlanContext) -> Iterator[FurtherStep]:
        """Each intermediate with each target that is trained, of each model; embeddings of equal rows once."""
        said = read_options(options, SimilarityOptions)
        cells = {(one.model, one.intermediate, one.target): one for one in trained_cells(context)}
        between = [one for one in cells.values() if one.intermediate_training is not None]
        if not between:
            raise ValueError("this sweep has no intermediate before a target that is trained; take similarity out")
        for model in dict.fromkeys(one.model for one in between):
            _check(said, model, context)
        for one in between:
            training = one.intermediate_training
            assert training is not None
            # Text that is only read beside the tasks (masked LM) is no part of the intermediate's data.
            data = tuple(step for task in training.tasks if task.select is not None for step in task.data)
            ours, theirs = (
                _embedded(said, one.base, *side) for side in ((data, "train"), (one.trained_on.data, said.rows))
            )
            language = language_of(context, one.trained_on, said.rows)
            yield FurtherStep(ours, f"embed {one.intermediate} train", one.model, intermediate=one.intermediate)
            yield FurtherStep(
                theirs, f"embed {one.trained_on.task.title} {said.rows} {language}", one.model, target=one.target
            )
            recipe = SimilarityRecipe(intermediate=ours.id, target=theirs.id)
            label = f"similarity {one.intermediate} ~ {one.target}"
            yield FurtherStep(recipe, label, one.model, one.intermediate, one.target)


def _embedded(said: SimilarityOptions, model: ModelSource, data: tuple[str, ...], split: Split) -> EmbedRecipe:
    return EmbedRecipe(
        model=model, data=data, split=split, limit=said.limit, layer=said.layer, max_length=said.max_length
    )


def _check(said: SimilarityOptions, model: str, context: PlanContext) -> None:
    shape = context.shape(model)
    if shape is None:
        return
    if said.layer is not None and said.layer > shape.layers:
        raise ValueError(f"layer: {said.layer}, and {model} has {shape.layers} blocks; give 0 to {shape.layers}")
    if said.max_length > shape.usable_positions:
        raise ValueError(f"max_length: {said.max_length}; {model} has room for {shape.usable_positions} subwords")
