"""DeBERTa-v2 when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from trainables.models.backbones.modeling import Backbone


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
        return tuple(found["pos_dropout"] for found in children if "pos_dropout" in found)

    def set_attention(self, implementation: str) -> None:
        """Nothing: its attention has a dropout module, and is registered nowhere."""
