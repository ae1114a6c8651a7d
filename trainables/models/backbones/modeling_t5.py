"""The encoder of T5, mT5 and umT5 when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn
from transformers import AutoModelForTextEncoding, PreTrainedModel

from trainables.models.backbones.modeling import Backbone, mean_pool

if TYPE_CHECKING:
    from trainables.models.backbones.base import BackboneType


class BothEnds(nn.Module):
    """Dropout before the first block and behind the last, which are one module in T5: each has a mask of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Dropout(), nn.Dropout()
        self.begun = False

    def restart(self, *_: Any) -> None:
        """The next call is before the first block."""
        self.begun = False

    def forward(self, x: Tensor) -> Tensor:
        dropout, self.begun = self.last if self.begun else self.first, True
        states: Tensor = dropout(x)
        return states


class T5Backbone(Backbone):
    """A sequence's vector is the mean over its tokens (Ni et al. 2022, arXiv 2108.08877): no token stands for all.

    Attention draws no mask of its own. The table of subwords is one module, under the two names that T5 has for it.
    """

    auto_class: ClassVar[Any] = AutoModelForTextEncoding

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, backbone_type)
        self.stack = model.encoder
        self.stack.set_input_embeddings(model.shared)
        self.stack.dropout = BothEnds()
        self.stack.register_forward_pre_hook(self.stack.dropout.restart)
        for module in self.attention_modules:
            module.dropout = 0.0  # type: ignore[assignment]

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.stack.dropout.first(self.word_embeddings(batch["input_ids"]))
        return states

    def sentence(self, states: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        return mean_pool(states, batch["attention_mask"])

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.stack.block)

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        return (*self.blocks, self.stack.final_layer_norm)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("layer.0.SelfAttention") for block in self.blocks)

    @property
    def norm_eps(self) -> float:
        return float(self.model.config.layer_norm_epsilon)
