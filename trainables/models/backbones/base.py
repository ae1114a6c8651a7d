"""What a kind of encoder says of itself without torch: the shape of a configuration, special tokens, limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.failure import NonRetryable
from trainables.models.shape import ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling import Backbone


INPUT_NAMES = ("input_ids", "token_type_ids")
"""What a model may read of each subword: its number in the vocabulary, and the number of its segment."""


class UnsupportedModel(NonRetryable, ValueError):
    """A model that no registered kind of encoder covers, or one with a setting that its kind cannot do."""


@dataclass(frozen=True)
class Layout:
    """How one text and a pair of texts become a sequence of subwords.

    Templates are those of `tokenizers.processors.TemplateProcessing` (`$A` and `$B` are the texts, `:1` the segment),
    with the roles `{cls}` and `{sep}` in place of the special tokens themselves.
    """

    single: str
    pair: str
    segments: bool
    """Whether the model reads `token_type_ids`: the segment of each subword."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """The per-subword inputs of the model, besides the attention mask that padding makes."""
        return INPUT_NAMES if self.segments else INPUT_NAMES[:1]

    def template(self, pair: bool, tokens: Mapping[str, str]) -> str:
        """The template of one text or a pair with the tokenizer's own special tokens; `tokens` by role."""
        return (self.pair if pair else self.single).format_map(tokens)

    def num_special_tokens(self, pair: bool) -> int:
        """Special tokens of a sequence."""
        return sum(not piece.startswith("$") for piece in (self.pair if pair else self.single).split())

    @property
    def start(self) -> int:
        """Position of the first subword of the first text."""
        return self.single.split().index("$A")

    def join(
        self, special_ids: Mapping[str, int], first: Sequence[int], second: Sequence[int] | None = None
    ) -> dict[str, list[int]]:
        """The inputs of one text or of a pair from their subword ids; `special_ids` by role ("cls", "sep")."""
        ids: list[int] = []
        segment_ids: list[int] = []
        for piece in (self.single if second is None else self.pair).split():
            name, _, segment = piece.partition(":")
            texts = {"$A": first, "$B": second or ()}
            subwords = texts[name] if name in texts else (special_ids[name.strip("{}")],)
            ids.extend(subwords)
            segment_ids.extend([int(segment or 0)] * len(subwords))
        return {"input_ids": ids, "token_type_ids": segment_ids} if self.segments else {"input_ids": ids}


class BackboneType(ABC):
    """One kind of encoder, torch-free. Stateless: everything that varies is in a model's configuration."""

    model_type: ClassVar[str]
    """The `model_type` of its configurations in transformers."""
    layout: ClassVar[Layout]
    special_tokens: ClassVar[Mapping[str, str]]
    """Special tokens of a tokenizer that is trained for such a model, by their names in transformers. In order of
    their ids, but that the mask token is the last of the vocabulary."""
    known: ClassVar[Mapping[str, ModelShape]] = {}
    """Models of the hub whose shape is known without asking the hub."""

    @abstractmethod
    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        """From a `config.json`, or from an architecture and the size of its tokenizer's `vocabulary`."""

    def limits(self, config: Mapping[str, Any]) -> str | None:
        """What this kind cannot do with a model of this configuration, as the end of a sentence; None: nothing."""
        return None

    @abstractmethod
    def modeling(self) -> type[Backbone]:
        """The half that needs torch, loaded when it is asked for."""


def bert_shape(config: Mapping[str, Any], vocabulary: int | None, reserved_positions: int) -> ModelShape:
    """The shape in BERT's words, which its descendants keep, and with its defaults, which transformers fills in.

    `reserved_positions`: rows of the table of positions that no subword is given.
    """
    positions = int(config.get("max_position_embeddings", 512))
    return ModelShape(
        layers=int(config.get("num_hidden_layers", 12)),
        hidden=int(config.get("hidden_size", 768)),
        inner=int(config.get("intermediate_size", 3072)),
        heads=int(config.get("num_attention_heads", 12)),
        vocabulary=int(vocabulary or config.get("vocab_size", 30522)),
        positions=positions,
        usable_positions=positions - reserved_positions,
        types=int(config.get("type_vocab_size", 2)),
    )


def bert_limits(config: Mapping[str, Any]) -> str | None:
    """What neither BERT nor its descendants do here."""
    if config.get("is_decoder") or config.get("add_cross_attention"):
        return "is a decoder: only encoders are trained here"
    position = config.get("position_embedding_type", "absolute")
    if position != "absolute":
        # transformers 5 has only absolute ones, and would silently drop these weights.
        return f"has {position} position embeddings: only absolute ones are supported"
    return None
