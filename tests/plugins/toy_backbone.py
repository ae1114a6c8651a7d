"""A plug-in: a kind of encoder that shares no part's name with BERT, nor its words for sizes, nor where a sentence's
vector is read."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from trainables.models.backbones import BackboneType, Layout, register
from trainables.models.backbones.modeling import Backbone
from trainables.models.shape import ModelShape


class ToyConfig(PreTrainedConfig):
    model_type = "toy"
    attribute_map: ClassVar = {"vocab_size": "pieces"}

    def __init__(self, pieces=100, width=32, depth=2, span=64, **fields):
        self.pieces, self.width, self.depth, self.span = pieces, width, depth, span
        super().__init__(**fields)


class Mixer(nn.Module):
    """Single-headed attention."""

    def __init__(self, width):
        super().__init__()
        self.ask, self.offer, self.say = (nn.Linear(width, width) for _ in range(3))
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        scores = self.ask(x) @ self.offer(x).transpose(1, 2) / x.shape[-1] ** 0.5
        scores = scores.masked_fill(mask[:, None] == 0, float("-inf"))
        return self.dropout(scores.softmax(-1)) @ self.say(x)


class Stage(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mixer, self.grow, self.shrink = Mixer(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop, self.even = nn.Dropout(0.1), nn.LayerNorm(width, eps=1e-5)

    def forward(self, x, mask):
        x = x + self.drop(self.mixer(x, mask))
        return self.even(x + self.drop(self.shrink(torch.relu(self.grow(x)))))


class ToyModel(PreTrainedModel):
    config_class = ToyConfig
    base_model_prefix = "toy"

    def __init__(self, config):
        super().__init__(config)
        self.lookup, self.places = nn.Embedding(config.pieces, config.width), nn.Embedding(config.span, config.width)
        self.stages = nn.ModuleList(Stage(config.width) for _ in range(config.depth))
        self.post_init()

    def get_input_embeddings(self):
        return self.lookup

    def set_input_embeddings(self, value):
        self.lookup = value

    def forward(self, input_ids, attention_mask, output_hidden_states=False):
        states = [self.lookup(input_ids) + self.places.weight[: input_ids.shape[1]]]
        for stage in self.stages:
            states.append(stage(states[-1], attention_mask))
        return BaseModelOutput(states[-1], tuple(states) if output_hidden_states else None)


class ToyBackbone(Backbone):
    """A sentence's vector is that of its last token."""

    def embeddings(self, batch):
        ids = batch["input_ids"]
        return self.model.lookup(ids) + self.model.places.weight[: ids.shape[1]]

    def sentence(self, states, batch):
        return states[torch.arange(len(states)), batch["attention_mask"].sum(-1) - 1]

    @property
    def blocks(self):
        return tuple(self.model.stages)

    @property
    def norm_eps(self):
        return 1e-5

    @property
    def attention_modules(self):
        return tuple(stage.mixer for stage in self.blocks)

    def set_attention(self, implementation):
        """It has one implementation, whose dropout is a module."""


class Toy(BackboneType):
    model_type = "toy"
    layout = Layout("$A {sep}", "$A {sep} $B {sep}", segments=False)
    special_tokens: ClassVar = {
        "pad_token": "(pad)",
        "cls_token": "(cls)",
        "sep_token": "(sep)",
        "unk_token": "(unk)",
        "mask_token": "(mask)",
    }

    def shape(self, config, vocabulary=None):
        width, span = int(config.get("width", 32)), int(config.get("span", 64))
        return ModelShape(
            layers=int(config.get("depth", 2)),
            hidden=width,
            inner=2 * width,
            heads=1,
            vocabulary=int(vocabulary or config["pieces"]),
            positions=span,
            usable_positions=span,
            types=0,
        )

    def modeling(self):
        return ToyBackbone


AutoConfig.register("toy", ToyConfig, exist_ok=True)
AutoModel.register(ToyConfig, ToyModel, exist_ok=True)
register(Toy())
