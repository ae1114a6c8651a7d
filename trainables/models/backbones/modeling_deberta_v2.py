"""DeBERTa-v2 when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainables.models.backbones.modeling import Backbone

OF_DISTANCES = ("pos_key_proj", "pos_query_proj")
"""Projections of the table of distances alone."""
OF_BOTH = ("key_proj", "query_proj")
"""Projections of content and then, where attention shares them, of the table of distances."""


class ContentThenDistances(nn.Module):
    """Dropout of a projection that attention applies to the content of sequences and then to the table of distances,
    which belongs to no sequence: each has a mask of its own."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.content, self.distances = nn.Dropout(p), nn.Dropout(p)
        self.begun = False

    def restart(self, *_: Any) -> None:
        """The next call is of content."""
        self.begun = False

    def forward(self, x: Tensor) -> Tensor:
        dropout, self.begun = self.distances if self.begun else self.content, True
        states: Tensor = dropout(x)
        return states


class DebertaV2Backbone(Backbone):
    """It computes attention in one way, its own. What it drops of the table of distances serves all examples."""

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.model.embeddings(**self.inputs(batch), mask=batch["attention_mask"])
        return states

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.model.encoder.layer)

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        return (self.model.encoder,)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("attention.self") for block in self.blocks)

    @property
    def shared_dropout(self) -> Sequence[nn.Module]:
        children = (dict(module.named_children()) for module in self.attention_modules)
        shared = [found["pos_dropout"] for found in children if "pos_dropout" in found]
        for path, module in self.model.named_modules():
            if isinstance(module, ContentThenDistances):
                shared.append(module.distances)
            elif isinstance(module, nn.Dropout) and set(path.split(".")) & set(OF_DISTANCES):
                shared.append(module)
        return tuple(shared)

    def adapter_dropout(self, path: str, p: float) -> nn.Module:
        attention, _, name = path.rpartition(".")
        if name not in OF_BOTH:
            return super().adapter_dropout(path, p)
        dropout = ContentThenDistances(p)
        self.model.get_submodule(attention).register_forward_pre_hook(dropout.restart)
        return dropout

    def set_attention(self, implementation: str) -> None:
        """Nothing: its attention has a dropout module, and is registered nowhere."""
