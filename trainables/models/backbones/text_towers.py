"""Models of several towers whose text tower is read as a model of its own: M-CLIP, AltCLIP and SigLIP.

- **M-CLIP** (Carlsson et al. 2022, "Cross-lingual and Multilingual CLIP"): XLM-R that was taught CLIP's vectors by
  translated captions; its weights stand under `transformer.`, with a linear layer behind them
  (FreddeFrallan/Multilingual-CLIP, `multilingual_clip/pt_multilingual_clip.py`). Its configuration names the model that
  it was made from, and no sizes.
- **AltCLIP** (Chen et al. 2022, arXiv 2211.06679): the same, under `text_model.roberta.`.
- **SigLIP**, and SigLIP 2 (Tschannen et al. 2025, arXiv 2502.14786) of fixed size: a text encoder of its own
  (`trainables.models.backbones.siglip`).

A configuration of such a model is read as that of its text tower, and so is its checkpoint; what a training leaves is
the tower alone. No code of the model's repository is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

XLMR: Mapping[str, Any] = {
    "model_type": "xlm-roberta", "vocab_size": 250_002, "max_position_embeddings": 514, "type_vocab_size": 1,
    "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
BASES: Mapping[str, Mapping[str, int]] = {
    "xlm-roberta-base": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "xlm-roberta-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}
"""Sizes of what M-CLIP's configurations name as `modelBase` (XLM-R, table 1)."""


@dataclass(frozen=True)
class TextTower:
    """How the text tower of a model is found.

    Attributes:
        config: the tower's configuration, from the model's; None where it has none that is known.
        weights: patterns of the names of the tower's weights, and what stands there in the tower itself; none: its
            class of transformers finds them.
        dropped: what else the model has, which is not read.
    """

    config: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    dropped: str
    weights: Mapping[str, str] = field(default_factory=dict)


_OF_FILES = (
    "architectures",
    "dtype",
    "torch_dtype",
    "transformers_version",
    "project_dim",
    "pooler_fn",
    "_name_or_path",
)
"""What a text tower's configuration says that is no size of it."""


def _mclip(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    sizes = BASES.get(str(config.get("modelBase", "")).rpartition("/")[2])
    return None if sizes is None else {**XLMR, **sizes}


def _altclip(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = config.get("text_config")
    if not isinstance(text, Mapping):
        return None
    said = {name: value for name, value in text.items() if value is not None and name not in _OF_FILES}
    return {**XLMR, **BASES["xlm-roberta-large"], **said, "model_type": "xlm-roberta"}


def _siglip(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = config.get("text_config")
    return {**text, "model_type": "siglip_text_model"} if isinstance(text, Mapping) else None


TOWERS: Mapping[str, TextTower] = {
    "M-CLIP": TextTower(_mclip, "the linear layer behind its encoder", {r"^transformer\.": ""}),
    "altclip": TextTower(
        _altclip,
        "its vision tower, and the norm and projection behind its text encoder",
        {r"^text_model\.roberta\.": ""},
    ),
    "siglip": TextTower(_siglip, "its vision tower, and the projection behind its text encoder"),
}
"""By `model_type`."""
ON_HUB: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "M-CLIP/XLM-Roberta-Large-Vit-B-32",
            "M-CLIP/XLM-Roberta-Large-Vit-L-14",
            "M-CLIP/XLM-Roberta-Large-Vit-B-16Plus",
        ),
        "M-CLIP",
    ),
    "BAAI/AltCLIP-m9": "altclip",
    "google/siglip2-base-patch16-224": "siglip",
}
"""`model_type` of models of the hub, so that a plan says what is dropped before they are pulled."""


def tower_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of the text tower, where a model has several towers; else its own."""
    tower = TOWERS.get(str(config.get("model_type")))
    found = None if tower is None else tower.config(config)
    return config if found is None else found
