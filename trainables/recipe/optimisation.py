"""How a phase is trained: all of it can change the numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trainables.recipe.canonical import Frozen

Precision = Literal["fp32", "bf16"]


class Optimisation(Frozen):
    """How a phase is trained. Defaults are those of the study's toolkit (jiant, August 2020) where it has them."""

    learning_rate: float = Field(default=1e-5, gt=0)
    batch_size: int = Field(default=32, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    adam_eps: float = Field(default=1e-8, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    attention_dropout: float = Field(default=0.1, ge=0, lt=1)
    evaluate_every: int = Field(default=1000, gt=0)
    patience: int | None = Field(default=None, gt=0)
    """Successive evaluations without a gain in the dev value after which training ends."""
    min_gain: float | None = Field(default=None, gt=0)
    """A rise of the dev value by no more than this is no gain; the best checkpoint is the best seen all the same."""
    collapse_patience: int | None = Field(default=None, gt=0)
    """Successive evaluations at chance (`ChanceLevel`), after warm-up, at which a run is stopped as collapsed."""
    reseed: int | None = Field(default=None, gt=0)
    """How many times a run that has collapsed is started again, each time with another seed."""
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _one_length(self) -> Optimisation:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps, not both and not neither")
        return self
