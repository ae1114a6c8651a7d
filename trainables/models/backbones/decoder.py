"""What decoders have in common (LLaMA, Mistral, Qwen3, Gemma 3): rotary positions, gated feed-forward layers, heads
that share keys and values, RMS norms, and a vocabulary's logits from the last state.

**How texts are laid out** is said here alone, for every tokenizer: `<s> A </s>` and `<s> A </s> B </s>`, where `</s>`
is the tokenizer's end of text, and `<s>` its beginning, if it puts one before a text of its own accord. So a text, or
a pair, always ends with the same token, which has read all of it: its state stands for the whole (as the "extract"
token of Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training*, section 3.3). A causal
model has read a word only at the word's last subword, so a word's tag stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones import decoder_sizes
from trainables.models.backbones.base import BackboneType, Layout
from trainables.models.shape import Linear, ModelShape
from trainables.recipe.model_source import Attention

if TYPE_CHECKING:
    from trainables.models.backbones.modeling_decoder import DecoderBackbone


class Decoder(BackboneType):
    """A kind of decoder. Its sizes are called the same in all of them; what differs are defaults and norms."""

    layout = Layout("{bos} $A {eos}", "{bos} $A {eos} $B {eos}", segments=False, own=True, tags_on="last")
    special_tokens: ClassVar[Mapping[str, str]] = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    """None to pad with, as LLaMA's tokenizers."""
    settings = frozenset(
        {
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "intermediate_size",
            "hidden_act",
            "max_position_embeddings",
            "initializer_range",
            "rms_norm_eps",
            "rope_theta",
            "tie_word_embeddings",
            "attention_bias",
        }
    )
    defaults: ClassVar[Mapping[str, Any]]
    """Of its configuration in transformers, as far as its shape is made of them."""
    norms: ClassVar[int] = 2
    """Norms of a block on states."""
    head_norms: ClassVar[bool] = False
    """Whether queries and keys have norms of their own."""
    causal_flag: ClassVar[str] = "is_causal"
    """The field of its configuration that makes attention bidirectional, when it is set to `when_bidirectional`."""
    when_bidirectional: ClassVar[bool] = False
    published: ClassVar[decoder_sizes.Sizes] = {}
    """Configurations of `known` models."""

    def __init_subclass__(cls) -> None:
        cls.known = {name: cls().shape(config) for name, config in cls.published.items()}

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        fields = {**self.defaults, **{key: value for key, value in config.items() if value is not None}}
        layers, hidden, inner = (
            int(fields[name]) for name in ("num_hidden_layers", "hidden_size", "intermediate_size")
        )
        heads = int(fields["num_attention_heads"])
        width = int(fields.get("head_dim") or hidden // heads)
        key_values = int(fields.get("num_key_value_heads") or heads) * width
        size = int(vocabulary or fields["vocab_size"])
        vectors = self.norms * hidden + (2 * width if self.head_norms else 0)
        if fields.get("attention_bias"):
            vectors += heads * width + 2 * key_values + hidden
        if fields.get("mlp_bias"):
            vectors += 2 * inner + hidden
        return ModelShape(
            layers=layers,
            hidden=hidden,
            inner=inner,
            heads=heads,
            vocabulary=size,
            positions=0,
            usable_positions=int(fields["max_position_embeddings"]),
            types=0,
            attention=heads * width,
            key_values=key_values,
            vectors=layers * vectors + hidden,
            gated=True,
            activations=1,
            normed=2,
            output=0 if fields["tie_word_embeddings"] else size * hidden,
            mask_token=False,
            causal=not self._is_bidirectional(config),
        )

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        hidden, inner = shape.hidden, shape.inner
        queries = shape.attention or hidden
        keys = shape.key_values or queries
        attention, ffn = "layers.{}.self_attn.", "layers.{}.mlp."
        return (
            Linear(f"{attention}q_proj", hidden, queries, True),
            *(Linear(f"{attention}{name}_proj", hidden, keys, True) for name in "kv"),
            Linear(f"{attention}o_proj", queries, hidden, True),
            *(Linear(f"{ffn}{name}_proj", hidden, inner) for name in ("gate", "up")),
            Linear(f"{ffn}down_proj", inner, hidden),
        )

    def limits(self, config: Mapping[str, Any]) -> str | None:
        quantised = config.get("quantization_config")
        if quantised:
            return "has quantised weights: only whole ones are trained; give its unquantised copy"
        if config.get("attn_logit_softcapping"):
            return "caps its attention scores, which Gemma 2 does: that is not supported"
        return None

    def seeing(self, attention: Attention) -> dict[str, Any]:
        return {self.causal_flag: self.when_bidirectional == (attention == "bidirectional")}

    def _is_bidirectional(self, config: Mapping[str, Any]) -> bool:
        return config.get(self.causal_flag, not self.when_bidirectional) == self.when_bidirectional

    def modeling(self) -> type[DecoderBackbone]:
        from trainables.models.backbones.modeling_decoder import DecoderBackbone

        return DecoderBackbone


class Llama(Decoder):
    """LLaMA (Touvron et al. 2023, arXiv 2302.13971)."""

    model_type = "llama"
    published = decoder_sizes.LLAMA
    settings = Decoder.settings | {"mlp_bias"}
    defaults: ClassVar[Mapping[str, Any]] = {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "intermediate_size": 11008,
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
    }


class Mistral(Decoder):
    """Mistral 7B (Jiang et al. 2023, arXiv 2310.06825): LLaMA's blocks; heads share keys, and tokens see so many before
    them."""

    model_type = "mistral"
    published = decoder_sizes.MISTRAL
    settings = (Decoder.settings - {"attention_bias"}) | {"sliding_window"}
    defaults: ClassVar[Mapping[str, Any]] = {
        **Llama.defaults,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "max_position_embeddings": 131_072,
    }


class Qwen3(Decoder):
    """Qwen3 (Yang et al. 2025, arXiv 2505.09388): LLaMA's blocks with norms on queries and keys."""

    model_type = "qwen3"
    published = decoder_sizes.QWEN3
    settings = Decoder.settings | {"use_sliding_window", "sliding_window", "max_window_layers"}
    head_norms = True
    defaults: ClassVar[Mapping[str, Any]] = {
        **Llama.defaults,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "intermediate_size": 22016,
        "vocab_size": 151_936,
        "max_position_embeddings": 32_768,
    }


class Gemma3Text(Decoder):
    """The text model of Gemma 3 (2025, arXiv 2503.19786): norms before and behind what they feed, five blocks of six
    with a sliding window. With bidirectional attention a window reaches half as far to either side, as in
    EmbeddingGemma, whose configuration's field it is."""

    model_type = "gemma3_text"
    published = decoder_sizes.GEMMA3_TEXT
    settings = (Decoder.settings - {"hidden_act"}) | {
        "hidden_activation",
        "query_pre_attn_scalar",
        "rope_local_base_freq",
        "sliding_window",
        "sliding_window_pattern",
    }
    norms = 4
    head_norms = True
    causal_flag = "use_bidirectional_attention"
    when_bidirectional = True
    defaults: ClassVar[Mapping[str, Any]] = {
        "hidden_size": 2304,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "intermediate_size": 9216,
        "vocab_size": 262_208,
        "max_position_embeddings": 131_072,
        "tie_word_embeddings": True,
    }


class Gemma3(Gemma3Text):
    """A whole Gemma 3, of which the text model alone is loaded: vision tower and projection are left out. What is
    trained of it is of the kind `gemma3_text`."""

    model_type = "gemma3"
    published = decoder_sizes.GEMMA3
    settings = frozenset()

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        return super().shape(self.of_text(config), vocabulary)

    def limits(self, config: Mapping[str, Any]) -> str | None:
        if not isinstance(config.get("text_config"), Mapping):
            return "has no text_config: write its text model as gemma3_text"
        return super().limits(self.of_text(config))

    def of_text(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        text: Mapping[str, Any] = config["text_config"]
        return {**text, "model_type": Gemma3Text.model_type}

    def modeling(self) -> type[DecoderBackbone]:
        from trainables.models.backbones.modeling_decoder import Gemma3OfWhole

        return Gemma3OfWhole
