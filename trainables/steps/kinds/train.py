"""Train steps: a backbone is fine-tuned under new heads, by `execution.workers` processes together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import ceil
from typing import Any

from trainables.host import Host
from trainables.models.vision.shape import TowerShape
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.recipe.tasks import TrainTask
from trainables.steps.base import Point, Shown, StepKind
from trainables.steps.kinds.forward import forward_flops
from trainables.steps.kinds.memory import trained_memory, trained_parameters
from trainables.steps.records import StepRecord, TrainResult, record_of
from trainables.steps.work import Size, Work, WorkContext
from trainables.store import Store
from trainables.task_types import get_task_type
from trainables.training.memory import DeviceType, Memory
from trainables.training.task_proportions import task_proportions

BACKWARD = 3.0
"""Training in forward passes: the backward pass is two."""
FROZEN_BACKWARD = 2.0
"""The same where adapters are trained: frozen weights have no gradients, so the backward pass is one, about."""
THROUGHPUT = ("learning_rate", "tokens_per_second", "gpu_memory_gib")


class Train(StepKind):
    name = "train"
    recipe = TrainRecipe
    group = "train"
    distributed = True
    uses_gpu = True
    leaves_weights = True
    data_context = "training"

    def run(self, recipe: TrainRecipe, execution: Execution, store: Store, host: Host) -> bool:
        from trainables.training.loop import Finetuning

        began = time.monotonic()
        finetuning = Finetuning(recipe, execution, store, host)
        artifact_dir = finetuning.artifact_dir
        try:
            result = finetuning.run()
            if result is not None and artifact_dir is not None:
                store.commit(recipe.id, artifact_dir, record_of(recipe, execution, result, began))
        finally:
            if artifact_dir is not None:
                store.free(artifact_dir)
        finetuning.close()
        return result is not None

    # --- cost ------------------------------------------------------------------------------------------------

    def work(self, recipe: TrainRecipe, context: WorkContext) -> Work:
        """Updates x batch, forward and backward, and a forward pass over the dev rows for each evaluation. `patience`
        may end a training early, so this is an upper bound."""
        return _work(recipe, context, None)

    def work_done(self, recipe: TrainRecipe, context: WorkContext, record: StepRecord) -> tuple[Work, float]:
        result = TrainResult.model_validate(record.result)
        return _work(recipe, context, result), result.train_seconds

    def memory(
        self, recipe: TrainRecipe, execution: Execution, context: WorkContext, device: DeviceType
    ) -> Memory | None:
        return trained_memory(recipe, execution, context, device)

    # --- tracking --------------------------------------------------------------------------------------------

    def shown(self, recipe: TrainRecipe, record: StepRecord) -> Shown:
        result = TrainResult.model_validate(record.result)
        tags = {"state": "collapsed", "collapsed": result.collapsed.reason} if result.collapsed is not None else {}
        tags |= _adapted(recipe, result)
        best = [(f"best_{name}", value, 0) for name, value in (result.best or {}).items() if name != "value"]
        return Shown(tags=tags, curves=tuple(curves(record.result)), selected=tuple(best))


def _adapted(recipe: TrainRecipe, result: TrainResult) -> dict[str, str]:
    """How the backbone was adapted, where that was not in full, and what crossed from the phase before."""
    said = {"taken_over": recipe.taken_over} if recipe.taken_over else {}
    if recipe.adaptation is not None and result.adaptation is not None:
        share = f"{result.adaptation['trained']:,} of {sum(result.adaptation.values()):,}"
        said |= {
            "adaptation": str(recipe.adaptation.lora),
            "trained_parameters": f"{share} ({100 * result.trained_share:.2g} %)",
        }
    return said


def curves(training: Mapping[str, Any]) -> list[Point]:
    """The curves of a training from their beginning: of its result, or of the note of its training state."""
    points: list[Point] = [("loss", loss, at) for at, loss in training["losses"]]
    points += [
        (f"dev_{name}", value, point["step"])
        for point in training["dev"]
        for name, value in point.items()
        if name != "step"
    ]
    throughput = training.get("throughput", [])
    return points + [(name, point[name], point["step"]) for point in throughput for name in THROUGHPUT if name in point]


def _work(recipe: TrainRecipe, context: WorkContext, result: TrainResult | None) -> Work:
    """`result`: what the training really did, where it is done."""
    shape, optimisation = context.shape(recipe.start), recipe.optimisation
    train = [_joined(task, "train", context) for task in recipe.tasks]
    features = [size.features for size in train]
    planned, shares = task_proportions(recipe.tasks, features, recipe.sampling, optimisation)
    updates = planned if result is None else result.steps
    evaluations = ceil(updates / optimisation.evaluate_every) if result is None else len(result.dev)
    flops, drawn, dev = 0.0, Size(), Size()
    passes = BACKWARD if recipe.adaptation is None else FROZEN_BACKWARD
    trained, frozen = trained_parameters(recipe, context)
    for task, size, share in zip(recipe.tasks, train, shares, strict=True):
        read = size.times(updates * share * optimisation.batch_size / size.features)
        tower = context.tower(task.task.alignment)
        # A loss over the whole batch takes one forward pass more (`trainables.training.cached_gradients`).
        flops += (passes + get_task_type(task.task.type).loss_over_batch) * forward_flops(shape, task.task, read, tower)
        drawn += _with_patches(read, tower)
        if task.select is not None:
            once = _joined(task, "dev", context)
            flops += evaluations * forward_flops(shape, task.task, once, tower)
            dev += _with_patches(once, tower).times(evaluations)
    if result is not None:
        factor = result.tokens / drawn.tokens
        flops, drawn = flops * factor, drawn.times(factor)
    return Work(
        drawn.tokens + dev.tokens,
        flops,
        updates,
        drawn.tokens / max(updates, 1),
        shape,
        optimisation.precision,
        trained,
        frozen,
        optimisation.batch_size,
    )


def _with_patches(size: Size, tower: TowerShape | None) -> Size:
    """As many rows with the patches of their images."""
    patches = size.features * tower.patches if tower is not None else 0.0
    return Size(size.features, size.tokens + patches, size.length)


def _joined(task: TrainTask, split: str, context: WorkContext) -> Size:
    return sum((context.size(step, split) for step in task.data), Size())
