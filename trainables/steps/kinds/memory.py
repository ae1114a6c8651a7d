"""The largest micro-batch of a step, from the sizes of its rows, and what a worker then holds."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import ceil, sqrt

from trainables.models.lora_shape import adapter_parameters
from trainables.models.shape import ModelShape
from trainables.models.vision.shape import TowerShape
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import EvaluateRecipe, TrainRecipe
from trainables.recipe.tasks import TaskSpec
from trainables.steps.work import Size, WorkContext
from trainables.task_types import HeadWork, get_task_type
from trainables.tasks.task import Split
from trainables.training.memory import (
    Computing,
    DeviceType,
    Memory,
    MicroBatch,
    evaluation_memory,
    held_parameters,
    training_memory,
)

FULLEST = 1.5
"""Subwords of the fullest batch of a training over those of the mean one. Assumed."""
DIFFERENT = 10.0
"""Different subwords of a text over the square root of its length, by Heaps' law. Assumed."""
READ: tuple[Split, ...] = ("train", "dev")
NO_HEAD = HeadWork(0.0, 0.0, 1, 0, 0)


def trained_memory(recipe: TrainRecipe, execution: Execution, context: WorkContext, device: DeviceType) -> Memory:
    """What a worker of a training holds at most."""
    shape, optimisation = context.shape(recipe.start), recipe.optimisation
    rows = _trained_rows(recipe, context, shape) if execution.trim_vocabulary else None
    found = []
    for task in recipe.tasks:
        task_type = get_task_type(task.task.type)
        size = sum((context.size(step, "train") for step in task.data), Size())
        longest = max(context.longest(step) for step in task.data)
        tower = context.tower(task.task.alignment)
        patches = tower.patches if tower is not None else 0
        batch, several = largest_micro_batch(
            size, longest, optimisation.batch_size, execution, execution.workers, patches
        )
        predicts = task_type.whole_vocabulary
        computing = Computing(
            precision=optimisation.precision,
            dropout=optimisation.dropout,
            attention_dropout=optimisation.attention_dropout,
            outputs=_outputs(task.task, shape),
            head=shape.hidden * (shape.hidden + len(task.task.labels)) + (shape.output if predicts else 0),
            device=device,
            saves=True,
            adapters=adapters_of(recipe, shape),
        )
        run = shape if task_type.forward_flops(1.0, NO_HEAD) else replace(shape, layers=0)
        run = replace(run, output=0) if predicts else run  # output embeddings are a part of the head there
        memory = training_memory(run, computing, execution, batch, several, rows)
        if tower is not None and task.task.alignment is not None:
            memory = _with_tower(memory, tower, task.task.alignment.frozen, computing, execution, batch)
        found.append(memory)
    return max(found, key=lambda memory: memory.total)


def _with_tower(
    memory: Memory, tower: TowerShape, frozen: bool, computing: Computing, execution: Execution, batch: MicroBatch
) -> Memory:
    """What a training holds with a vision tower in its head: counted as a transformer over the patches."""
    shape = ModelShape(tower.layers, tower.hidden, tower.inner, tower.heads, 1, 0, tower.patches, 0)
    size = tower.parameters - shape.parameters
    head = replace(computing, outputs=0.0, dropout=0.0, attention_dropout=0.0, head=size, adapters=None)
    images = MicroBatch(batch.sequences, tower.patches, batch.sequences * tower.patches)
    if frozen:
        held = evaluation_memory(shape, replace(head, precision="fp32"), images)  # whose matrices stay in fp32
        return replace(memory, weights=memory.weights + held.weights, head=memory.head + held.working)
    held = training_memory(shape, head, execution, images)
    return Memory(**{name: getattr(memory, name) + value for name, value in asdict(held).items()})


def evaluated_memory(recipe: EvaluateRecipe, execution: Execution, context: WorkContext, device: DeviceType) -> Memory:
    """What an evaluation holds at most."""
    shape, task_type = context.shape(recipe.model), get_task_type(recipe.task.type)
    size = context.size(recipe.data, "test")
    batch, _ = largest_micro_batch(size, context.longest(recipe.data), None, execution, 1)
    computing = Computing(precision=recipe.precision, outputs=_outputs(recipe.task, shape), device=device)
    return evaluation_memory(shape, computing, batch, all_layers=task_type.compares_vectors)


def largest_micro_batch(
    size: Size, longest: int, rows: int | None, execution: Execution, workers: int, patches: int = 0
) -> tuple[MicroBatch, int]:
    """The largest micro-batch of a worker, and how many of them an update has.

    Args:
        size: of the rows that it is drawn from.
        longest: at which sequences are cut.
        rows: of a global batch; None: as many as a micro-batch holds.
        patches: of the image of a row.
    """
    each = max(1, round(size.sequences / size.features)) if size.features else 1
    fitting = max(1, execution.micro_batch_tokens // (longest * each + patches)) * each
    if rows is None:
        return MicroBatch(fitting, longest, fitting * longest), 1
    own = ceil(rows / workers) * each
    sequences = min(own, fitting)
    # Of the fullest batch the longest rows are together.
    tokens = min(sequences * longest, ceil(FULLEST * own * size.length))
    several = ceil(own * min(longest, FULLEST * size.length) / (fitting * longest))
    return MicroBatch(sequences, longest, tokens), several


def _outputs(task: TaskSpec, shape: ModelShape) -> float:
    """Numbers that the head gives for a subword, as the cost of its layers tells it."""
    head = HeadWork(1.0, 0.0, shape.hidden, len(task.labels), shape.vocabulary)
    return get_task_type(task.type).forward_flops(0.0, head) / (2.0 * shape.hidden)


def adapters_of(recipe: TrainRecipe, shape: ModelShape) -> int | None:
    """Parameters that a training trains of the backbone where those are adapters; None: it trains all of them."""
    return None if recipe.adaptation is None else adapter_parameters(shape, recipe.adaptation.lora)


def trained_parameters(recipe: TrainRecipe, context: WorkContext) -> tuple[int, int]:
    """Parameters that a training trains, its table of subwords trimmed where it can be; bytes of those it does not."""
    shape = context.shape(recipe.start)
    rows = _trained_rows(recipe, context, shape)
    computing = Computing(recipe.optimisation.precision, adapters=adapters_of(recipe, shape))
    held = held_parameters(shape, computing, shape.vocabulary if rows is None else rows)
    return held.trained, held.frozen


def _trained_rows(recipe: TrainRecipe, context: WorkContext, shape: ModelShape) -> int | None:
    """Rows of the table of subwords that a training must train; None: all of them."""
    if any(get_task_type(task.task.type).whole_vocabulary for task in recipe.tasks):
        return None
    tokens = sum(context.size(step, split).tokens for task in recipe.tasks for step in task.data for split in READ)
    return min(shape.vocabulary, ceil(DIFFERENT * sqrt(tokens)))
