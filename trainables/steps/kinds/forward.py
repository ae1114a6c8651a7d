"""FLOPs of a forward pass."""

from __future__ import annotations

from trainables.models.shape import ModelShape
from trainables.models.vision.shape import TowerShape
from trainables.recipe.tasks import TaskSpec
from trainables.steps.work import Size
from trainables.task_types import HeadWork, get_task_type


def forward_flops(shape: ModelShape, task: TaskSpec, size: Size, tower: TowerShape | None = None) -> float:
    """Of a forward pass over some rows of a task, its head's included; `tower`: what reads their images."""
    images = size.features * tower.forward if tower is not None else 0.0
    head = HeadWork(size.tokens, size.sequences, shape.hidden, len(task.labels), shape.vocabulary, images)
    return get_task_type(task.type).forward_flops(size.tokens * shape.forward(size.length), head)
