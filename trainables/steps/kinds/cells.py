"""The trained cells of a plan, for kinds of steps that analyse what the plan trains and what it trains on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trainables.outside.fields import explained
from trainables.recipe.model_source import CheckpointRef, ModelSource
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.recipe.tasks import TrainTask
from trainables.steps.base import PlanContext

Options = TypeVar("Options", bound=BaseModel)


@dataclass(frozen=True)
class TrainedCell:
    """A cell of the grid whose target is trained.

    Attributes:
        start: what the training of the target begins from.
        intermediate_training: the recipe of the training that `start` is of; None: it is the starting model itself.
        trained_on: the task that the target is trained on (the last, of several).
    """

    model: str
    intermediate: str
    target: str
    seed: int
    start: ModelSource
    intermediate_training: TrainRecipe | None
    trained_on: TrainTask

    @property
    def base(self) -> ModelSource:
        """The model that all intermediates start from."""
        return self.start if self.intermediate_training is None else self.intermediate_training.start


def trained_cells(context: PlanContext) -> list[TrainedCell]:
    """The cells of a plan whose target is trained, in the order of the grid."""
    recipes, intermediates = context.recipes, set()
    starts: dict[tuple[str, str, str, int], TrainRecipe] = {}
    ends: dict[tuple[str, str], TrainTask] = {}
    for name, roles in context.roles.items():
        recipe = recipes[name]
        if not isinstance(recipe, TrainRecipe):
            continue
        for role in roles:
            if role.phase == "intermediate":
                intermediates.add(name)
            if role.phase == "target" and role.model and role.intermediate and role.target and role.seed is not None:
                # Of trainings one after the other the first begins from the intermediate, the last is on the target.
                starts.setdefault((role.model, role.intermediate, role.target, role.seed), recipe)
                ends[role.model, role.target] = recipe.tasks[0]
    found = []
    for (model, intermediate, target, seed), first in starts.items():
        before = recipes[first.start.step] if isinstance(first.start, CheckpointRef) else None
        of_intermediate = isinstance(first.start, CheckpointRef) and first.start.step in intermediates
        training = before if of_intermediate and isinstance(before, TrainRecipe) else None
        found.append(TrainedCell(model, intermediate, target, seed, first.start, training, ends[model, target]))
    return found


def language_of(context: PlanContext, task: TrainTask, split: str) -> str:
    """The language of a split of what a target is trained on: English, or what plays it."""
    data = context.recipes[task.data[0]]
    assert isinstance(data, DataRecipe)
    return next(rows.language for rows in data.rows if rows.split == split)


def read_options(options: Mapping[str, Any], model: type[Options]) -> Options:
    """What a sweep file says of a kind of step. Raises ValueError with the first mistake."""
    try:
        return model.model_validate(options)
    except ValidationError as error:
        raise ValueError(explained(error, model)[0]) from None
