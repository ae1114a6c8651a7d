"""Recipes of analyses: vectors of rows, how far apart two sets of rows are, how well a checkpoint fits a task."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.recipe.model_source import ModelSource
from trainables.recipe.recipes import Recipe
from trainables.recipe.tasks import TaskSpec


class EmbedRecipe(Recipe):
    """Count the subwords of some rows, and make a vector of each: the mean over its tokens at one layer of a model."""

    kind: Literal["embed"] = "embed"
    model: ModelSource
    data: tuple[str, ...] = Field(min_length=1)
    """Ids of data steps; their rows are joined."""
    split: Literal["train", "dev"]
    limit: int = Field(gt=0)
    """So many rows, drawn from all by a hash of their positions."""
    layer: int | None = Field(default=None, ge=0)
    """The block whose output is read (0: the embeddings); None: the last."""
    max_length: int = Field(gt=0)
    """Subwords of a row that the model reads."""

    @property
    def slug(self) -> str:
        return f"embed-{self.split}"

    @property
    def starts_from(self) -> ModelSource:
        return self.model

    @property
    def data_steps(self) -> tuple[str, ...]:
        return self.data


class SimilarityRecipe(Recipe):
    """How far apart the rows of an intermediate and of a target are, by what two embed steps have made of them."""

    kind: Literal["similarity"] = "similarity"
    intermediate: str
    target: str

    @property
    def slug(self) -> str:
        return "similarity"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.intermediate, self.target)


class TransferabilityRecipe(Recipe):
    """How well a checkpoint fits labelled rows of a target task that it was not trained on."""

    kind: Literal["transferability"] = "transferability"
    task: TaskSpec
    data: str
    split: Literal["train", "dev"]
    language: str
    limit: int = Field(gt=0)
    """So many rows, drawn from all by a hash of their positions."""
    model: ModelSource
    source: TaskSpec | None = None
    """The task of the model's own head, whose predictions LEEP reads; None: there is no such head, or its labels are
    of something else than the target's."""

    @property
    def slug(self) -> str:
        return f"transferability-{self.task.title}"

    @property
    def starts_from(self) -> ModelSource:
        return self.model

    @property
    def data_steps(self) -> tuple[str, ...]:
        return (self.data,)
