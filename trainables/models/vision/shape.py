"""Which vision towers can be read, and the shape of one, from its configuration; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.models.backbones import CONFIG, UnsupportedModel, read_whole_config
from trainables.models.shape import LARGEST
from trainables.outside.text import shown
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.vision import VisionTower

PREPROCESSOR = "preprocessor_config.json"
"""Says how images become what the tower reads."""
DEFAULT = "clip_vision_model"
"""The kind of an architecture that names none."""
WHOLE = {"clip": DEFAULT, "siglip": "siglip_vision_model"}
"""Models of two towers, and the kind of their vision tower, which their configuration has under `vision_config`."""
TYPES = (DEFAULT, "siglip_vision_model")
_DEFAULTS: Mapping[str, Mapping[str, int]] = {
    DEFAULT: {"patch_size": 32},
    "siglip_vision_model": {"patch_size": 16},
}
SETTINGS = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "image_size",
    "patch_size", "hidden_act", "layer_norm_eps", "initializer_range",
)  # fmt: skip
"""What an architecture may say in a sweep file, as its configuration calls it."""


@dataclass(frozen=True)
class TowerShape:
    """Sizes of a vision transformer."""

    model_type: str
    layers: int
    hidden: int
    inner: int
    heads: int
    image: int
    """Height and width of an image, in pixels."""
    patch: int

    @property
    def patches(self) -> int:
        """What a block sees of an image: its patches and, in CLIP's towers, a token for the whole."""
        return (self.image // self.patch) ** 2 + (self.model_type == DEFAULT)

    @property
    def parameters(self) -> int:
        """All of them; SigLIP's attention pooling counts as a block."""
        blocks = self.layers + (self.model_type != DEFAULT)
        block = self.hidden * (4 * self.hidden + 2 * self.inner) + 9 * self.hidden + self.inner
        return blocks * block + (3 * self.patch**2 + self.patches + 6) * self.hidden

    @property
    def forward(self) -> float:
        """FLOPs of an image, as `ModelShape.forward` counts them."""
        matrices = self.layers * self.hidden * (4 * self.hidden + 2 * self.inner)
        return self.patches * (2.0 * matrices + 4.0 * self.layers * self.patches * self.hidden)


CLIP_B32 = TowerShape(DEFAULT, 12, 768, 3072, 12, 224, 32)
KNOWN: Mapping[str, TowerShape] = {
    "openai/clip-vit-base-patch32": CLIP_B32,
    "openai/clip-vit-base-patch16": TowerShape(DEFAULT, 12, 768, 3072, 12, 224, 16),
    "openai/clip-vit-large-patch14": TowerShape(DEFAULT, 24, 1024, 4096, 16, 224, 14),
    **dict.fromkeys(
        ("google/siglip-base-patch16-224", "google/siglip2-base-patch16-224"),
        TowerShape("siglip_vision_model", 12, 768, 3072, 12, 224, 16),
    ),
}
"""Towers of the hub whose shape is known without asking the hub: the papers' ViT-B/32, B/16 and L/14 (Radford et al.
2021, table 20; Zhai et al. 2023, section 4)."""


def shape_of_tower(config: Mapping[str, Any], name: str) -> TowerShape:
    """The shape that a `config.json`, or an architecture, describes.

    Args:
        name: what errors call it.

    Raises UnsupportedModel, a line that says what to do, where it is no tower that is read here.
    """
    kind, fields = config.get("model_type", DEFAULT), dict(config)
    if kind in WHOLE:
        kind, fields = WHOLE[kind], config.get("vision_config") or {}
    if kind not in TYPES or not isinstance(fields, Mapping):
        raise UnsupportedModel(
            f"{name}: is of type {shown(kind)}, and is no vision tower that is read here; give a model of type "
            f"{', '.join((*WHOLE, *TYPES))}"
        )
    defaults = {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    fields = {**defaults, "image_size": 224, **_DEFAULTS[kind], **{k: v for k, v in fields.items() if v is not None}}
    names = (*defaults, "image_size", "patch_size")
    for field in names:
        size = fields[field]
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST:
            raise UnsupportedModel(f"{name}: {field} is {shown(size)}; give a whole number from 1 to {LARGEST:,}")
    layers, hidden, inner, heads, image, patch = (int(fields[field]) for field in names)
    if image % patch or image > 4096:
        raise UnsupportedModel(f"{name}: patches of {patch} pixels do not divide an image of {image}, of at most 4096")
    if hidden % heads:
        raise UnsupportedModel(f"{name}: {heads} attention heads do not divide a hidden size of {hidden}")
    return TowerShape(kind, layers, hidden, inner, heads, image, patch)


def tower_shape(tower: VisionTower, model_paths: Mapping[str, str]) -> TowerShape | None:
    """The shape of a tower, without asking the hub; None where it is one of the hub that is not here yet.

    Args:
        model_paths: directories of local models by their hash.

    Raises UnsupportedModel.
    """
    if tower.architecture is not None:
        return shape_of_tower(tower.architecture, "the vision tower")
    if isinstance(tower.start, HubModel):
        if tower.start.hub in KNOWN:
            return KNOWN[tower.start.hub]
        from huggingface_hub import try_to_load_from_cache

        file = try_to_load_from_cache(tower.start.hub, CONFIG, revision=tower.start.revision)
        if not isinstance(file, str):
            return None
        return shape_of_tower(read_whole_config(Path(file), tower.start.hub), tower.start.hub)
    assert tower.start is not None
    path = Path(model_paths[tower.start.sha256])
    return shape_of_tower(read_whole_config(path / CONFIG, str(path)), str(path))


def place_of(tower: VisionTower, execution: Execution) -> tuple[str, str | None]:
    """Where the files of a tower with weights lie: a directory, or a hub id with its commit."""
    assert tower.start is not None
    if isinstance(tower.start, HubModel):
        return tower.start.hub, tower.start.revision
    return execution.model_paths[tower.start.sha256], None
