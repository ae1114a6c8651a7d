"""Which kind of encoder a configuration belongs to, and where configurations are found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainables.models.backbones.base import BackboneType, UnsupportedModel
from trainables.models.backbones.text_towers import tower_config
from trainables.models.gguf import WrongGguf, gguf_of, read_gguf
from trainables.models.shape import ModelShape

DEFAULT = "xlm-roberta"
"""The kind of an architecture that names none."""
CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
"""Where it is, weights are low-rank adapters, as peft writes them."""
TOKENIZER_FILES = (
    "tokenizer.json",
    "sentencepiece.bpe.model",
    "spm.model",
    "spiece.model",
    "tokenizer.model",
    "vocab.txt",
)
"""What a tokenizer can be read from, the first that is there: its own file, SentencePiece's, BERT's list of words."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".pkl")
"""Ends of the names of weights that are not read: most can run code, and all are of other libraries or times."""

_TYPES: dict[str, BackboneType] = {}


def register(backbone_type: BackboneType) -> None:
    """Make a kind of encoder known under its `model_type`. Raises ValueError where another has that name."""
    other = _TYPES.setdefault(backbone_type.model_type, backbone_type)
    if type(other) is not type(backbone_type):
        raise ValueError(f"two kinds of encoder have the model_type {backbone_type.model_type!r}")


def all_backbone_types() -> tuple[BackboneType, ...]:
    """All that are registered, in the order of their names."""
    return tuple(_TYPES[name] for name in sorted(_TYPES))


def get_backbone_type(model_type: str | None) -> BackboneType:
    """The kind of encoder of this `model_type`; None is the default kind. Raises UnsupportedModel."""
    try:
        return _TYPES[DEFAULT if model_type is None else model_type]
    except KeyError:
        raise UnsupportedModel(
            f'is of type "{model_type}", which cannot be trained here; types that can: {", ".join(sorted(_TYPES))}'
        ) from None


def backbone_type_of(config: Mapping[str, Any], name: str) -> BackboneType:
    """The kind of encoder of a configuration or architecture.

    Args:
        config: what `config.json` holds, or an architecture, whose `model_type` may be left out for the default kind.
        name: how errors call the model.

    Raises UnsupportedModel, a line that names the model, when no kind covers it.
    """
    try:
        backbone_type = get_backbone_type(config.get("model_type"))
    except UnsupportedModel as error:
        raise UnsupportedModel(f"{name} {error}") from None
    if limit := backbone_type.limits(config):
        raise UnsupportedModel(f"{name} {limit}")
    return backbone_type


def shape_of(config: Mapping[str, Any], name: str, vocabulary: int | None = None) -> ModelShape:
    """The shape that a configuration, or an architecture with the size of its tokenizer's `vocabulary`, describes.

    Raises UnsupportedModel when no kind of encoder covers it, or a size can be none.
    """
    backbone_type = backbone_type_of(config, name)
    try:
        shape = backbone_type.shape(config, vocabulary)
        shape.check()
        return replace(shape, linears=backbone_type.linears(config, shape))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise UnsupportedModel(
            f"{name} has no shape that a {backbone_type.model_type} model can have ({error})"
        ) from None


def read_config(file: Path, name: str | None = None) -> dict[str, Any]:
    """The configuration in a `config.json`; of a model of several towers that of its text tower.

    Raises UnsupportedModel when it cannot be read or names no `model_type`."""
    return dict(tower_config(read_whole_config(file, name)))


def read_whole_config(file: Path, name: str | None = None) -> dict[str, Any]:
    """What a `config.json` holds, or the header of a GGUF file that lies, or is, where its folder would be. Raises
    UnsupportedModel as `read_config`."""
    name = name or str(file.parent)
    if (gguf := gguf_of(file.parent)) is not None:
        try:
            return read_gguf(gguf)
        except WrongGguf as error:
            raise UnsupportedModel(str(error)) from None
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnsupportedModel(f"{name}: its {CONFIG} cannot be read ({error})") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        known = ", ".join(sorted(_TYPES))
        raise UnsupportedModel(f"{name}: its {CONFIG} has no model_type; types that can be trained here: {known}")
    return config


def hub_shape(hub: str, revision: str) -> ModelShape | None:
    """The shape of a model of the hub, without asking the hub: from the table of known models, or else from its
    configuration in the local cache; None where neither has it. Raises UnsupportedModel."""
    for backbone_type in _TYPES.values():
        if hub in backbone_type.known:
            shape = backbone_type.known[hub]
            return replace(shape, linears=backbone_type.linears({}, shape))
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(hub, CONFIG, revision=revision)
    return shape_of(read_config(Path(file), hub), hub) if isinstance(file, str) else None
