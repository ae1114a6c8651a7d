"""What a recipe says of images: which vision tower reads them, and how image and text are aligned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trainables.recipe.canonical import Frozen
from trainables.recipe.model_source import HubModel, LocalModel


class VisionTower(Frozen):
    """The model that makes a vector of an image: the vision half of a pretrained CLIP or SigLIP model (`start`), or a
    small one with random weights (`architecture`), which are drawn from the training's seed."""

    start: HubModel | LocalModel | None = None
    architecture: dict[str, int | float | str | bool] | None = None
    """Names its `model_type` where it is not `clip_vision_model`."""

    @model_validator(mode="after")
    def _one_of_both(self) -> VisionTower:
        if (self.start is None) == (self.architecture is None):
            raise ValueError("a vision tower has either weights to start from or an architecture")
        return self


class Alignment(Frozen):
    """How captions and images are aligned."""

    tower: VisionTower
    frozen: bool = False
    """Whether the tower stays as it is: then only the text tower and both projections are trained (Zhai et al. 2022,
    LiT, arXiv 2111.07991, with the roles of text and image as there)."""
    width: int = Field(default=512, gt=0)
    """Of the vectors that both sides are projected to."""
    loss: Literal["infonce", "sigmoid"] = "infonce"
    """`infonce`: cross-entropy over a batch in both directions (CLIP, Radford et al. 2021, arXiv 2103.00020, figure 3);
    `sigmoid`: each pair on its own (SigLIP, Zhai et al. 2023, arXiv 2303.15343, algorithm 1)."""
