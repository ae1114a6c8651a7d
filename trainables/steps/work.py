"""What a step does, whatever it runs on: for estimates of cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainables.models.shape import ModelShape
from trainables.models.vision.shape import TowerShape
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.recipe.tasks import SplitRef, TaskSpec
from trainables.recipe.vision import Alignment


@dataclass(frozen=True)
class Size:
    """Some encoded rows."""

    features: float = 0.0
    tokens: float = 0.0
    """Subwords of all features, special tokens included, without padding."""
    length: float = 0.0
    """Subwords of a sequence, in the mean: a feature is one sequence, or several that are read apart."""

    def __add__(self, other: Size) -> Size:
        tokens = self.tokens + other.tokens
        length = (self.length * self.tokens + other.length * other.tokens) / tokens if tokens else 0.0
        return Size(self.features + other.features, tokens, length)

    def times(self, factor: float) -> Size:
        """As many rows of this length times `factor`."""
        return Size(self.features * factor, self.tokens * factor, self.length)

    @property
    def sequences(self) -> float:
        return self.tokens / self.length if self.length else 0.0


@dataclass(frozen=True)
class Work:
    """What a step does."""

    tokens: float
    """Subwords that go through the model; of a step that prepares, that it encodes."""
    flops: float = 0.0
    updates: int = 0
    update_tokens: float = 0.0
    """Subwords of a global batch."""
    shape: ModelShape | None = None
    """Of the model that is trained or evaluated; None where there is none."""
    precision: str = "fp32"
    parameters: float = 0.0
    """That are trained."""
    frozen: float = 0.0
    """Bytes of the weights that are not."""
    rows: int = 1
    """Of a global batch: more workers than these have nothing to do."""


class WorkContext(Protocol):
    """What a step's work depends on: sizes of data and shapes of models, as far as they are known."""

    def size(self, data_step: str, split: str) -> Size:
        """Rows of a split, in all languages of a data step."""

    def longest(self, data_step: str) -> int:
        """Subwords at which a data step cuts sequences."""

    def text_size(self, task: TaskSpec, rows: SplitRef) -> Size:
        """Rows that no data step has: what a tokenizer reads."""

    def tower(self, alignment: Alignment | None) -> TowerShape | None:
        """Of the vision tower that a task's images are read by; None where it has none."""

    def shape(self, origin: HubModel | LocalModel | RandomInit | CheckpointRef) -> ModelShape:
        """Of the model that `origin` names."""
