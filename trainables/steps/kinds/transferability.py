"""Transferability steps: how well checkpoints fit English dev rows of a target before they are trained on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from trainables.recipe.analyses import TransferabilityRecipe
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.recipe.tasks import TaskSpec
from trainables.steps.base import FurtherStep, PlanContext
from trainables.steps.kinds.cells import language_of, read_options, trained_cells
from trainables.steps.kinds.embed import read
from trainables.steps.kinds.forward import forward_flops
from trainables.steps.kinds.memory import largest_micro_batch
from trainables.steps.kinds.similarity import Split
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.work import Work, WorkContext
from trainables.store import Store
from trainables.task_types import get_task_type
from trainables.task_types.base import TaskType
from trainables.training.memory import Computing, DeviceType, Memory, evaluation_memory

MOST = 20_000
"""Rows whose features are held at once."""


class TransferabilityOptions(Frozen):
    """What `steps.transferability` may say."""

    limit: Annotated[int, Field(strict=True, ge=4, le=MOST)] = 5000
    """Rows, at most, drawn by position."""
    rows: Split = "dev"
    """Which of the target's own rows in the language that it is trained in."""


class Transferability(SingleProcessKind):
    name = "transferability"
    recipe = TransferabilityRecipe
    group = "analyse"
    uses_gpu = True
    data_context = "analysis"

    def make(
        self,
        recipe: TransferabilityRecipe,
        execution: Execution,
        store: Store,
        workdir: Path,
        check_stop: Callable[[], None],
    ) -> dict[str, Any]:
        import numpy as np

        from trainables.analysis.features import labelled
        from trainables.analysis.transfer import h_score, leep, logme

        seen = labelled(recipe, store, execution, check_stop)
        found: dict[str, Any] = {
            "rows": seen.rows,
            "labelled": len(seen.labels),
            "classes": len(np.unique(seen.labels)),
        }
        if not len(seen.labels):
            return found
        found["logme"] = logme(seen.features, seen.labels)
        if (score := h_score(seen.features, seen.labels)) is not None:
            found["h_score"] = score
        if seen.source is not None:
            found["leep"] = leep(seen.source, seen.labels)
        return found

    def work(self, recipe: TransferabilityRecipe, context: WorkContext) -> Work:
        """A forward pass over its rows."""
        shape, size = context.shape(recipe.model), read((recipe.data,), recipe.split, recipe.limit, context)
        return Work(size.tokens, forward_flops(shape, recipe.task, size), shape=shape)

    def memory(
        self, recipe: TransferabilityRecipe, execution: Execution, context: WorkContext, device: DeviceType
    ) -> Memory:
        size = read((recipe.data,), recipe.split, recipe.limit, context)
        batch, _ = largest_micro_batch(size, context.longest(recipe.data), None, execution, 1)
        shape = context.shape(recipe.model)
        return evaluation_memory(shape, Computing(outputs=shape.hidden, device=device), batch)

    def plan(self, options: Mapping[str, Any], context: PlanContext) -> Iterator[FurtherStep]:
        """Every checkpoint that the training of a target starts from, on that target, where `measurable`."""
        said = read_options(options, TransferabilityOptions)
        cells = trained_cells(context)
        fitting = [one for one in cells if measurable(get_task_type(one.trained_on.task.type))]
        if not fitting:
            raise ValueError(
                "no target of this sweep is trained on rows whose labels are classes or choices (spans are neither, "
                "and retrieval is not trained); take it out"
            )
        for one in fitting:
            task, training = one.trained_on, one.intermediate_training
            recipe = TransferabilityRecipe(
                task=task.task,
                data=task.data[0],
                split=said.rows,
                language=language_of(context, task, said.rows),
                limit=said.limit,
                model=one.start,
                source=None if training is None else _source(training, task.task),
            )
            seed = None if training is None else training.seed
            of = one.intermediate if seed is None else f"{one.intermediate} · seed {seed}"
            label = f"transferability {of} -> {one.target}"
            yield FurtherStep(recipe, label, one.model, one.intermediate, one.target, seed)


def measurable(kind: TaskType) -> bool:
    """Whether what a task labels has a state of its own: rows, words or choices. The spans of question answering have
    none (a head compares all tokens of a context), and no source known here defines these measures for them."""
    return kind.fixed_labels or kind.chooses


def _source(training: TrainRecipe, target: TaskSpec) -> TaskSpec | None:
    """The task of an intermediate's head, where it has one only, whose labels are of what the target's are of."""
    head, kind = training.tasks[0].task, get_task_type(target.type)
    source = get_task_type(head.type)
    alone = len({task.head for task in training.tasks}) == 1
    return head if alone and source.fixed_labels and source.labels_words == kind.labels_words else None
