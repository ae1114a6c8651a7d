"""The text tower of SigLIP when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, SiglipTextModel

from trainables.models.backbones.modeling import Backbone

if TYPE_CHECKING:
    from trainables.models.backbones.base import BackboneType

HEAD = "head."


class _Loads:
    """What `AutoModel` does for other models."""

    from_pretrained = SiglipTextModel.from_pretrained
    from_config = SiglipTextModel._from_config


class SiglipTextBackbone(Backbone):
    """A sequence's vector is the state of its end token, as in pretraining; the projection behind it is left out.

    transformers has no entry for it under `AutoModel`: what is saved opens with `SiglipTextModel`.
    """

    auto_class: ClassVar[Any] = _Loads

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, backbone_type)
        model.head = nn.Identity()

    @classmethod
    def kept(cls, model: PreTrainedModel, missing: Sequence[str]) -> tuple[PreTrainedModel, Sequence[str]]:
        model.head = nn.Identity()
        return model, [name for name in missing if not name.startswith(HEAD)]

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.model.embeddings(**self.inputs(batch))
        return states

    def sentence(self, states: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        last = batch["attention_mask"].sum(1) - 1
        return states[torch.arange(len(states), device=states.device), last]

    @property
    def word_embeddings(self) -> nn.Embedding:
        found: nn.Embedding = self.model.embeddings.token_embedding
        return found

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.model.encoder.layers)

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        return (*self.blocks, self.model.final_layer_norm)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("self_attn") for block in self.blocks)
