"""The vision tower of a sweep's image-text trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from trainables.models.backbones import CONFIG, UnsupportedModel
from trainables.models.vision.shape import PREPROCESSOR, SETTINGS, TowerShape, tower_shape
from trainables.outside.fields import Place, Revision
from trainables.outside.places import local_path
from trainables.outside.text import Unreadable, shown
from trainables.recipe.canonical import Frozen
from trainables.recipe.model_source import HubModel, LocalModel
from trainables.recipe.vision import Alignment, VisionTower
from trainables.store import hash_model_dir


class VisionSpec(Frozen):
    """Which vision tower reads images, and how captions are aligned with what it says."""

    start: Place | None = None
    """A CLIP or SigLIP model: a hub id, or a path to a local directory (with `/`, `./` or `~` in front)."""
    revision: Revision | None = None
    """Commit of the hub's model."""
    architecture: dict[str, int | float | str | bool] | None = None
    """A small tower with random weights, in the words of its configuration."""
    frozen: bool = Field(default=False, strict=True)
    """The tower stays as it is."""
    width: Annotated[int, Field(strict=True, gt=0, le=65_536)] = 512
    """Of the vectors that both sides are projected to."""
    loss: Literal["infonce", "sigmoid"] = "infonce"

    @field_validator("architecture", mode="before")
    @classmethod
    def _plain_settings(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            if key not in SETTINGS:
                raise ValueError(f"{shown(key)} is no setting of a vision tower; there are {', '.join(SETTINGS)}")
        return value

    @property
    def path(self) -> Path | None:
        """The local directory, if `start` is one."""
        if self.start is not None and self.start.startswith(("/", "./", "../", "~")):
            return local_path(self.start)
        return None

    def tower(self) -> tuple[VisionTower, dict[str, str]]:
        """What recipes say of the tower, and where a local one lies, by its hash."""
        if self.architecture is not None:
            return VisionTower(architecture=self.architecture), {}
        if (path := self.path) is not None:
            key = hash_model_dir(path)
            return VisionTower(start=LocalModel(sha256=key)), {key: str(path)}
        assert self.start is not None
        assert self.revision is not None
        return VisionTower(start=HubModel(hub=self.start, revision=self.revision)), {}

    def alignment(self) -> tuple[Alignment, dict[str, str]]:
        """What recipes say of the training, and where a local tower lies, by its hash."""
        tower, paths = self.tower()
        return Alignment(tower=tower, frozen=self.frozen, width=self.width, loss=self.loss), paths


def check_vision(vision: VisionSpec, where: str) -> list[str]:
    """What is wrong with a vision tower, a line each."""
    if (vision.start is None) == (vision.architecture is None):
        return [f"{where}: give either start (a hub id or a path of a CLIP or SigLIP model) or architecture"]
    if vision.frozen and vision.architecture is not None:
        return [f"{where}.frozen: a tower with random weights that is never trained sees nothing; take frozen out"]
    field = f"{where}.{'start' if vision.architecture is None else 'architecture'}"
    try:
        path = vision.path
        if path is not None:
            lacking = [name for name in (CONFIG, PREPROCESSOR) if not (path / name).is_file()]
            if lacking:
                return [f"{field}: {path} has no {' and no '.join(lacking)}; save model and image processor there"]
            if not any(path.glob("*.safetensors")):
                return [f"{field}: {path} has no *.safetensors weights; load the model and save_pretrained it there"]
        elif vision.start is not None and vision.revision is None:
            return [f"{where}.revision: a model of the hub needs the commit that the numbers shall stand for"]
        shape_of(vision)
    except (UnsupportedModel, Unreadable, OSError) as error:
        return [f"{field}: {error}"]
    return []


def shape_of(vision: VisionSpec) -> TowerShape | None:
    """The sizes of a tower; None where it is one of the hub that is not here yet. Raises UnsupportedModel."""
    tower, paths = vision.tower()
    return tower_shape(tower, paths)
