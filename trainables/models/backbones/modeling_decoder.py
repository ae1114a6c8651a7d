"""A decoder when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from trainables.models.attention import ATTENTION, OWN
from trainables.models.backbones.modeling import Backbone
from trainables.models.backbones.registry import get_backbone_type

if TYPE_CHECKING:
    from trainables.models.backbones.base import BackboneType

OUTPUT = "lm_head.weight"


class DecoderBackbone(Backbone):
    """A sequence's vector is the state of its last token, which has read all others.

    Where output embeddings are the table of subwords, what is trained and saved is the stack of blocks alone
    (`LlamaModel`); where they are weights of their own, it is the whole model for causal LM, whose `lm_head` only that
    objective trains: elsewhere it is handed on as it was, without gradient or decay. transformers loads both forms with
    `AutoModel` and with `AutoModelForCausalLM`. Its blocks run with padding: nothing reads it, as what a token sees is
    masked by transformers.
    """

    auto_class: ClassVar[Any] = AutoModelForCausalLM

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, backbone_type)
        self.stack: PreTrainedModel = model.base_model
        for module in self.attention_modules:
            module.add_module(OWN, nn.Dropout(0.0))
        self.set_attention(ATTENTION)
        self.word_embeddings.padding_idx = None  # it may also end texts, and then its vector is learnt
        for module in self.output_embeddings:
            module.requires_grad_(False)

    @classmethod
    def kept(cls, model: PreTrainedModel, missing: Sequence[str]) -> tuple[PreTrainedModel, Sequence[str]]:
        if model.config.tie_word_embeddings or OUTPUT in missing:
            return model.base_model, [name for name in missing if name != OUTPUT]
        return model, missing

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.word_embeddings(batch["input_ids"])
        return states

    def run(self, batch: Mapping[str, Tensor], all_layers: bool) -> Any:
        return self.stack(
            **self.inputs(batch),
            attention_mask=batch["attention_mask"],
            output_hidden_states=all_layers,
            use_cache=False,
        )

    def sentence(self, states: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        last = batch["attention_mask"].sum(1) - 1
        return states[torch.arange(len(states), device=states.device), last]

    def vocabulary_logits(self, states: Tensor) -> Tensor:
        logits: Tensor
        if self.output_embeddings:
            logits = self.output_embeddings[0](states)
        elif self.model.config.tie_word_embeddings:
            logits = nn.functional.linear(states, self.word_embeddings.weight)
        else:
            return super().vocabulary_logits(states)
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        return logits if cap is None else torch.tanh(logits / cap) * cap

    @property
    def output_embeddings(self) -> Sequence[nn.Module]:
        found = self.model.get_output_embeddings()
        return () if found is None else (found,)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.stack.layers)

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        return (*self.blocks, self.stack.norm)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("self_attn") for block in self.blocks)

    @property
    def norm_eps(self) -> float:
        return float(self.model.config.rms_norm_eps)


class Gemma3OfWhole(DecoderBackbone):
    """The text model of a Gemma 3 that also reads images."""

    load_options: ClassVar[Mapping[str, Any]] = {
        "key_mapping": {r"^language_model\.model\.": "model.", r"^model\.language_model\.": "model."}
    }

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, get_backbone_type("gemma3_text"))
