"""ModernBERT when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn
from transformers import PreTrainedModel

from trainables.models.backbones.modeling import Backbone

if TYPE_CHECKING:
    from trainables.models.backbones.base import BackboneType


class ModernBertBackbone(Backbone):
    """Where its configuration drops nothing behind attention, transformers leaves the module for it out: it is put
    back, so that the recipe alone says what is dropped. Attention itself draws no mask of its own."""

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, backbone_type)
        for module in self.attention_modules:
            module.attention_dropout = 0.0  # type: ignore[assignment]
            module.out_drop = nn.Dropout()

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.model.embeddings(**self.inputs(batch))
        return states

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.model.layers)

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        return (*self.blocks, self.model.final_norm)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("attn") for block in self.blocks)

    @property
    def norm_eps(self) -> float:
        return float(self.model.config.norm_eps)
