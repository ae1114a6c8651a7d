"""A loaded backbone, whatever its architecture calls its parts: how it is run, and what training must know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from trainables.models.attention import ATTENTION
from trainables.models.backbones.base import UnsupportedModel
from trainables.models.packing import Packing

if TYPE_CHECKING:
    from trainables.models.backbones.base import BackboneType


@dataclass(frozen=True)
class EncoderOutput:
    """What heads read. Shapes: sequences x tokens x hidden, and sequences x hidden."""

    last_hidden_state: Tensor
    sentence: Tensor
    """The vector that stands for the whole sequence."""
    hidden_states: Sequence[Tensor] = ()
    """The embeddings, then the output of each block; empty unless asked for."""


class Backbone(ABC):
    """One loaded encoder or decoder of a kind.

    Not a module itself: what is trained, saved and wrapped by an engine is `model`. Its dropout must be modules
    (`nn.Dropout`), which are replaced by ones that give the same numbers however a step is executed; where attention
    drops its weights by a function, its modules are given one (`attention_modules`).
    """

    auto_class: ClassVar[Any] = AutoModel
    """The class of transformers that makes or loads the encoder, by its configuration."""
    load_options: ClassVar[Mapping[str, Any]] = {}
    """Keyword arguments with which transformers makes or loads the encoder without anything behind its last block."""

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        self.model, self.type = model, backbone_type
        self.shape = backbone_type.shape(model.config.to_dict())
        self.while_packed: Callable[[Packing], AbstractContextManager[None]] = lambda packing: nullcontext()
        """What is entered while blocks see packed tokens; dropout that goes by sequences sets it."""
        self.dropped = ""
        """What else its checkpoint holds, which is not read (`trainables.models.backbones.text_towers`)."""

    @classmethod
    def kept(cls, model: PreTrainedModel, missing: Sequence[str]) -> tuple[PreTrainedModel, Sequence[str]]:
        """The part that is kept of what transformers has loaded, and which of the weights that were `missing` in the
        checkpoint it needs."""
        return model, missing

    def inputs(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inputs of a collated batch that embeddings are made from (each sequences x tokens)."""
        return {name: batch[name] for name in self.type.layout.input_names}

    @abstractmethod
    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        """What the first block reads (sequences x tokens x hidden); no block is run."""

    def encode(self, batch: Mapping[str, Tensor], all_layers: bool = False) -> EncoderOutput:
        """Run all blocks; `all_layers`: keep the output of every block."""
        output = self.run(batch, all_layers)
        last: Tensor = output.last_hidden_state
        return EncoderOutput(last, self.sentence(last, batch), output.hidden_states if all_layers else ())

    def run(self, batch: Mapping[str, Tensor], all_layers: bool) -> Any:
        """What transformers makes of a padded batch."""
        return self.model(**self.inputs(batch), attention_mask=batch["attention_mask"], output_hidden_states=all_layers)

    def encode_embeddings(self, batch: Mapping[str, Tensor]) -> EncoderOutput:
        """The same for heads that read the embeddings alone."""
        states = self.embeddings(batch)
        return EncoderOutput(states, self.sentence(states, batch), (states,))

    def sentence(self, states: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """The vector that stands for each sequence: by default the state of its first token."""
        return states[:, 0]

    @property
    def output_embeddings(self) -> Sequence[nn.Module]:
        """The module of output embeddings that are no table of subwords; where there is none, nothing."""
        return ()

    def vocabulary_logits(self, states: Tensor) -> Tensor:
        """Of each state of the last block the logits of the subword that follows (... x vocabulary), as pretraining
        learnt them: from output embeddings of the model's own, or the table of subwords.

        `states`: (... x hidden), of the wanted positions alone, since nothing is as large as logits. The model goes
        forward once (`encode`), whatever is wanted of it. Raises UnsupportedModel where there are no output embeddings.
        """
        raise UnsupportedModel(f"{self.type.model_type}: this model has no output embeddings, which predict subwords")

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]:
        """The encoder's blocks, first to last."""

    @property
    def behind_embeddings(self) -> Sequence[nn.Module]:
        """All modules that `embeddings` does not run: what takes no part where embeddings alone are trained."""
        return self.blocks

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The module whose `weight` is the table of subwords (vocabulary x hidden)."""
        return self.model.get_input_embeddings()

    @property
    def norm_eps(self) -> float:
        """The epsilon of its layer norms."""
        return float(self.model.config.layer_norm_eps)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        """The modules that compute attention. Their child `dropout` is applied to its weights; one that has none is
        given it, and must be computed by `set_attention`."""
        return ()

    @property
    def shared_dropout(self) -> Sequence[nn.Module]:
        """The dropout modules whose input belongs to no example: all examples of a batch meet the same mask."""
        return ()

    def adapter_dropout(self, path: str, p: float) -> nn.Module:
        """The dropout of what the adapters of one linear module read.

        Args:
            path: of the linear module in the encoder.
        """
        return nn.Dropout(p)

    def set_attention(self, implementation: str) -> None:
        """Compute attention by an implementation that is registered with transformers."""
        self.model.set_attn_implementation(implementation)


class BertBackbone(Backbone):
    """BERT and what keeps its parts' names: `embeddings`, `encoder.layer`, `attention.self`, a pooler at the end.

    Its blocks are run on tokens without padding.
    """

    load_options: ClassVar[Mapping[str, Any]] = {"add_pooling_layer": False}

    def __init__(self, model: PreTrainedModel, backbone_type: BackboneType) -> None:
        super().__init__(model, backbone_type)
        self.set_attention(ATTENTION)

    def embeddings(self, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = self.model.embeddings(**self.inputs(batch))
        return states

    def positions(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The rows of the table of positions (sequences x tokens)."""
        ids = batch["input_ids"]
        return torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)

    def encode(self, batch: Mapping[str, Tensor], all_layers: bool = False) -> EncoderOutput:
        packing = Packing.of(batch)
        if packing is None:
            return super().encode(batch, all_layers)
        inputs = {name: packing.pack(tensor) for name, tensor in self.inputs(batch).items()}
        with self.while_packed(packing):
            output = self.model(
                **inputs,
                position_ids=packing.pack(self.positions(batch)),
                attention_mask=torch.zeros(1, 1, 1, 1),  # ready made, though nobody reads it: attention has the packing
                output_hidden_states=all_layers,
                packing=packing,
            )
        last = packing.unpack(output.last_hidden_state)
        hidden = tuple(packing.unpack(states) for states in output.hidden_states) if all_layers else ()
        return EncoderOutput(last, self.sentence(last, batch), hidden)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return tuple(self.model.encoder.layer)

    @property
    def attention_modules(self) -> Sequence[nn.Module]:
        return tuple(block.get_submodule("attention.self") for block in self.blocks)


class RobertaBackbone(BertBackbone):
    """RoBERTa's positions: counted from the padding id + 1, over what is no padding."""

    def positions(self, batch: Mapping[str, Tensor]) -> Tensor:
        mask = batch["input_ids"].ne(self.model.config.pad_token_id).long()
        return mask.cumsum(1) * mask + self.model.config.pad_token_id


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of `states` (examples × tokens × hidden) over the tokens that are no padding, in fp32."""
    mask = mask.unsqueeze(-1)
    vectors: Tensor = (states.float() * mask).sum(1) / mask.sum(1)
    return vectors
