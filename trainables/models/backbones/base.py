"""What a kind of backbone says of itself without torch: the shape of a configuration, special tokens, limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.failure import NonRetryable
from trainables.models.shape import Linear, ModelShape
from trainables.recipe.model_source import Attention

if TYPE_CHECKING:
    from trainables.models.backbones.modeling import Backbone


BERT_SETTINGS = frozenset(
    {
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "hidden_act",
        "max_position_embeddings",
        "type_vocab_size",
        "initializer_range",
        "layer_norm_eps",
    }
)
"""`BackboneType.settings` of BERT, which its descendants keep."""
INPUT_NAMES = ("input_ids", "token_type_ids")
"""What a model may read of each subword: its number in the vocabulary, and the number of its segment."""


class UnsupportedModel(NonRetryable, ValueError):
    """A model that no registered kind of encoder covers, or one with a setting that its kind cannot do."""


@dataclass(frozen=True)
class Layout:
    """How a tokenizer that is trained for such an encoder lays out one text and a pair of texts.

    A tokenizer that a model brings has its own layout, which `trainables.models.inputs.Frame` reads off it. Templates
    are those of `tokenizers.processors.TemplateProcessing` (`$A` and `$B` are the texts, `:1` the segment), with roles
    (`{cls}`, `{sep}`, `{eos}`) in place of the special tokens themselves.
    """

    single: str
    pair: str
    segments: bool
    """Whether the model reads `token_type_ids`: the segment of each subword."""
    own: bool = False
    """Whether a text and a pair have this layout whatever the tokenizer says (`trainables.models.inputs.laid_out`)."""
    tags_on: Literal["first", "last"] = "first"
    """The subword of a word that has the word's label, where a task does not say (`TaskSpec.label_position`)."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """The per-subword inputs of the model, besides the attention mask that padding makes."""
        return INPUT_NAMES if self.segments else INPUT_NAMES[:1]

    def template(self, pair: bool, tokens: Mapping[str, str]) -> str:
        """The template of one text or a pair with the tokenizer's own special tokens; `tokens` by role."""
        return (self.pair if pair else self.single).format_map(tokens)


class BackboneType(ABC):
    """One kind of encoder, torch-free. Stateless: everything that varies is in a model's configuration."""

    model_type: ClassVar[str]
    """The `model_type` of its configurations in transformers."""
    layout: ClassVar[Layout]
    special_tokens: ClassVar[Mapping[str, str]]
    """Special tokens of a tokenizer that is trained for such a model, by their names in transformers. In order of
    their ids, but that the mask token is the last of the vocabulary. There may be none: see `ModelShape.mask_token`."""
    settings: ClassVar[frozenset[str] | None] = None
    """What an architecture of this kind may say in a sweep file, as its configuration calls it: all that makes another
    encoder, besides the vocabulary, which is the tokenizer's, and dropout, which is the recipe's. None: anything."""
    known: ClassVar[Mapping[str, ModelShape]] = {}
    """Models of the hub whose shape is known without asking the hub."""

    @abstractmethod
    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        """From a `config.json`, or from an architecture and the size of its tokenizer's `vocabulary`."""

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        """The linear modules of each block: what low-rank adapters may lie on. None: they are not known before a model
        is loaded, and adapters need names for their `targets`.

        Args:
            config: as `shape` takes it; empty for a model of the table `known`.
            shape: the shape of that configuration.
        """
        return ()

    def limits(self, config: Mapping[str, Any]) -> str | None:
        """What this kind cannot do with a model of this configuration, as the end of a sentence; None: nothing."""
        return None

    def of_text(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a model of several modalities the configuration of its text model; of others their own."""
        return config

    def seeing(self, attention: Attention) -> dict[str, Any]:
        """The fields of a configuration that give a model this attention. Raises UnsupportedModel where it has one
        only."""
        raise UnsupportedModel(f"is an encoder, whose tokens see each other: leave attention: {attention} out")

    def padding(self, config: Mapping[str, Any]) -> int | None:
        """The id that padding must have, where positions are counted by it; None: any will do."""
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
        packed=True,
    )


def bert_linears(shape: ModelShape) -> tuple[Linear, ...]:
    """Those of BERT, by the paths that its descendants keep."""
    hidden, block = shape.hidden, "encoder.layer.{}."
    return (
        *(Linear(f"{block}attention.self.{name}", hidden, hidden, True) for name in ("query", "key", "value")),
        Linear(f"{block}attention.output.dense", hidden, hidden, True),
        Linear(f"{block}intermediate.dense", hidden, shape.inner),
        Linear(f"{block}output.dense", shape.inner, hidden),
    )


def bert_limits(config: Mapping[str, Any]) -> str | None:
    """What neither BERT nor its descendants do here."""
    if config.get("is_decoder") or config.get("add_cross_attention"):
        return "is a decoder made of an encoder (is_decoder): give it as an encoder, or a model of a kind of decoders"
    position = config.get("position_embedding_type", "absolute")
    if position != "absolute":
        # transformers 5 has only absolute ones, and would silently drop these weights.
        return f"has {position} position embeddings: only absolute ones are supported"
    return None
