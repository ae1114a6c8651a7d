"""A vision tower when it is loaded: from pixels to one vector for each image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, CLIPVisionConfig, CLIPVisionModel, SiglipVisionConfig, SiglipVisionModel
from transformers.utils import cached_file

from trainables.models.backbones import CONFIG, UnsupportedModel, read_whole_config
from trainables.models.unreadable import WrongWeights, in_one_line
from trainables.models.vision.preprocessing import Preprocessing, read_preprocessing
from trainables.models.vision.shape import DEFAULT, PREPROCESSOR, TowerShape, place_of, shape_of_tower
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.vision import VisionTower

_CLASSES: dict[str, tuple[Any, Any]] = {
    DEFAULT: (CLIPVisionModel, CLIPVisionConfig),
    "siglip_vision_model": (SiglipVisionModel, SiglipVisionConfig),
}


class Tower(nn.Module):
    """Pixels, normalised, through a vision transformer.

    Args:
        model: one of transformers.
        preprocessing: says how pixels are normalised.
        frozen: whether it stays as it is.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, shape: TowerShape, preprocessing: Preprocessing, frozen: bool) -> None:
        super().__init__()
        self.model, self.shape, self.frozen, self._scale = model, shape, frozen, preprocessing.scale
        self.held_elsewhere = False
        """Whether its weights are those of its checkpoint, and need not be written again."""
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(3, 1, 1), persistent=False)
        if frozen:
            model.requires_grad_(False)

    def normalised(self, pixels: Tensor) -> Tensor:
        """uint8 (images x height x width x 3) as the model reads it: fp32 (images x 3 x height x width)."""
        return (pixels.permute(0, 3, 1, 2).float() * self._scale - self.mean) / self.std

    def forward(self, pixels: Tensor) -> Tensor:
        """One vector for each image (images x hidden)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            found: Tensor = self.model(pixel_values=self.normalised(pixels)).pooler_output
        return found


def load_shape(tower: VisionTower, execution: Execution) -> tuple[TowerShape, Preprocessing]:
    """The sizes of a tower, and what becomes of its images; asks the hub where its files are not here.

    Raises UnsupportedModel.
    """
    if tower.start is None:
        shape = shape_of_tower(tower.architecture or {}, "the vision tower")
        return shape, Preprocessing.plain(shape.image)
    name, revision = place_of(tower, execution)
    from_hub = isinstance(tower.start, HubModel)
    config = cached_file(name, CONFIG, revision=revision) if from_hub else Path(name) / CONFIG
    file = cached_file(name, PREPROCESSOR, revision=revision) if from_hub else Path(name) / PREPROCESSOR
    shape = shape_of_tower(read_whole_config(Path(config), name), name)
    return shape, read_preprocessing(Path(file), shape, name)


def load_tower(tower: VisionTower, frozen: bool, execution: Execution) -> Tower:
    """A tower on the CPU in fp32; one without weights is drawn from torch's global generator.

    Raises UnsupportedModel, and WrongWeights where a weight is not in the checkpoint.
    """
    shape, preprocessing = load_shape(tower, execution)
    # What is dropped is said by the recipe alone, and towers drop nothing.
    kind, config_class = _CLASSES[shape.model_type]
    if tower.start is None:
        settings = {key: value for key, value in (tower.architecture or {}).items() if key != "model_type"}
        with in_one_line(UnsupportedModel, "the vision tower is none that can be", "change vision in the sweep file"):
            return Tower(kind(config_class(**settings, attention_dropout=0.0)).float(), shape, preprocessing, frozen)
    name, revision = place_of(tower, execution)
    what, from_hub = f"{name}: its vision tower cannot be loaded", isinstance(tower.start, HubModel)
    with in_one_line(WrongWeights, what, "give a sound copy with *.safetensors", from_hub):
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        config = getattr(config, "vision_config", config)
        config.attention_dropout = 0.0
        model, info = kind.from_pretrained(
            name,
            config=config,
            revision=revision,
            dtype=torch.float32,
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    lost = sorted(info["missing_keys"]) + sorted(str(key) for key in info.get("mismatched_keys", ()))
    if lost:
        raise WrongWeights(f"{name}: {len(lost)} weights of its vision tower are not there ({', '.join(lost[:3])}...)")
    found = Tower(cast(nn.Module, model), shape, preprocessing, frozen)
    found.held_elsewhere = frozen
    return found
