"""The fields of a starting model in a sweep file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import field_validator

import trainables
from sweeps.spec.training import Languages, PretrainSpec, TokenizerSpec
from trainables.models.backbones import CONFIG, hub_shape, read_config, read_whole_config, shape_of
from trainables.models.backbones.text_towers import ON_HUB, TOWERS, TextTower
from trainables.models.gguf import gguf_of
from trainables.models.shape import ModelShape
from trainables.outside.fields import Label, Place, Revision, Seed
from trainables.outside.places import local_path
from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen
from trainables.recipe.model_source import Attention

MINI = "mini"
"""The small model that comes with the project; see `trainables/models/mini/README.md`."""


class ModelSpec(Frozen):
    """Where a sweep starts: weights that exist (`start`), or an architecture and a tokenizer from nothing."""

    start: Place | None = None
    """A hub id, or a path to a local directory (with a slash in front, or beginning with `./` or `~`)."""
    revision: Revision | None = None
    """Commit of the hub's model."""
    architecture: dict[str, int | float | str | bool] | None = None
    tokenizer: TokenizerSpec | None = None
    pretrain: tuple[PretrainSpec, ...] = ()
    """What phase one consists of, in order; a single one may stand without the list."""
    attention: Attention | None = None
    """Of a decoder: whether a token sees those before it alone, or all, in all phases; without it, as it was
    pretrained."""
    seed: Seed = 1
    family: Label | None = None
    """Models of one family are the points of one curve over size; without it: by their names (`questions`)."""
    twin: Label | None = None
    """Of a multimodal model: the text-only model of the sweep that it is compared with."""
    seen: Languages | None = None
    """Languages that it was pretrained on, where its name does not tell (`language_facts.pretraining_of`)."""

    @field_validator("architecture", mode="before")
    @classmethod
    def _plain_settings(cls, value: Any) -> Any:
        for key, item in value.items() if isinstance(value, dict) else ():
            if not isinstance(key, str) or not isinstance(item, int | float | str | bool):
                raise ValueError(f"{shown(key)} has {shown(item)}; give a number, a word, true or false")
        return value

    @field_validator("pretrain", mode="before")
    @classmethod
    def _one_pretrain(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @property
    def path(self) -> Path | None:
        """The local directory, if `start` is one (or `mini`, the model that comes with the project)."""
        if self.start == MINI:
            return Path(trainables.__file__).parent / "models" / MINI
        if self.start is not None and self.start.startswith(("/", "./", "../", "~")):
            path = local_path(self.start)
            return gguf_of(path) or path
        return None

    @property
    def text_tower(self) -> TextTower | None:
        """How its text tower is found, of a model that has several towers and is here, or is known."""
        if self.start is not None and self.start in ON_HUB:
            return TOWERS[ON_HUB[self.start]]
        if (path := self.path) is None:
            return None
        return TOWERS.get(read_whole_config(path / CONFIG, str(path))["model_type"])

    def shape(self) -> ModelShape | None:
        """The shape of the model; None where it is one of the hub whose configuration is not here yet.

        Raises UnsupportedModel when it is of no kind that can be trained here.
        """
        shape = self._shape()
        if shape is None or not shape.is_decoder or self.attention is None:
            return shape
        return replace(shape, causal=self.attention == "causal")

    def _shape(self) -> ModelShape | None:
        if self.architecture is not None:
            vocabulary = self.tokenizer.vocab_size if self.tokenizer is not None else None
            return shape_of(self.architecture, "the model", vocabulary)
        if (path := self.path) is not None:
            return shape_of(read_config(path / CONFIG), str(path))
        return hub_shape(self.start or "", self.revision or "")
