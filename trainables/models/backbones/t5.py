"""The encoders of T5 (Raffel et al. 2020, arXiv 1910.10683), mT5 (Xue et al. 2021, arXiv 2010.11934) and umT5 (Chung et
al. 2023, arXiv 2304.09151): positions are distances; `A </s>` and `A </s> B </s>`, with no token that stands for the
whole. The decoder is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones.base import BackboneType, Layout, bert_limits
from trainables.models.shape import UNBOUNDED, Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling_t5 import T5Backbone


class T5(BackboneType):
    """A text may have any length: what is too far counts as equally far. Its tokenizers have no mask token."""

    model_type = "t5"
    layout = Layout("$A {eos}", "$A {eos} $B {eos}", segments=False)
    special_tokens: ClassVar[Mapping[str, str]] = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    settings = frozenset(
        {
            "d_model",
            "d_kv",
            "d_ff",
            "num_layers",
            "num_heads",
            "feed_forward_proj",
            "relative_attention_num_buckets",
            "relative_attention_max_distance",
            "layer_norm_epsilon",
            "initializer_factor",
        }
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "d_model": 512,
        "d_kv": 64,
        "d_ff": 2048,
        "num_layers": 6,
        "num_heads": 8,
        "vocab_size": 32128,
        "feed_forward_proj": "relu",
        "relative_attention_num_buckets": 32,
    }
    """Of its configuration in transformers."""
    every_block_has_distances: ClassVar[bool] = False
    """Whether each block has a table of distances of its own; else all read that of the first."""

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        fields = {**self.defaults, **config}
        layers, heads = int(fields["num_layers"]), int(fields["num_heads"])
        tables = layers if self.every_block_has_distances else 1
        return ModelShape(
            layers=layers,
            hidden=int(fields["d_model"]),
            inner=int(fields["d_ff"]),
            heads=heads,
            vocabulary=int(vocabulary or fields["vocab_size"]),
            positions=0,
            usable_positions=UNBOUNDED,
            types=0,
            attention=heads * int(fields["d_kv"]),
            # Distances are learnt through the scores; GELU and norms are computed one operation after the other.
            scores=2,
            activations=4 if "gelu" in str(fields["feed_forward_proj"]) else 1,
            gated=str(fields["feed_forward_proj"]).startswith("gated"),
            relative=tables * heads * int(fields["relative_attention_num_buckets"]),
            mask_token=False,
        )

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        hidden, inner, width = shape.hidden, shape.inner, shape.attention or shape.hidden
        attention, ffn = "encoder.block.{}.layer.0.SelfAttention.", "encoder.block.{}.layer.1.DenseReluDense."
        return (
            *(Linear(attention + name, hidden, width, True) for name in "qkv"),
            Linear(f"{attention}o", width, hidden, True),
            *(Linear(ffn + name, hidden, inner) for name in (("wi_0", "wi_1") if shape.gated else ("wi",))),
            Linear(f"{ffn}wo", inner, hidden),
        )

    def limits(self, config: Mapping[str, Any]) -> str | None:
        return bert_limits(config)

    def modeling(self) -> type[T5Backbone]:
        from trainables.models.backbones.modeling_t5 import T5Backbone

        return T5Backbone


class MT5(T5):
    """The same in another size, with gates."""

    model_type = "mt5"
    defaults: ClassVar[Mapping[str, Any]] = {
        **T5.defaults,
        "d_ff": 1024,
        "num_layers": 8,
        "num_heads": 6,
        "vocab_size": 250_112,
        "feed_forward_proj": "gated-gelu",
    }


class UMT5(MT5):
    """The same, but that every block has distances of its own."""

    model_type = "umt5"
    every_block_has_distances = True
