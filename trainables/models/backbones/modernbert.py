"""ModernBERT (Warner et al. 2024, arXiv 2412.13663), mmBERT among them (Marone et al. 2025, arXiv 2509.06888): rotary
positions, attention to the neighbourhood in most blocks, norms before what they feed, no segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones.base import BackboneType, Layout
from trainables.models.backbones.bert import Bert
from trainables.models.shape import Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling_modernbert import ModernBertBackbone


class ModernBert(BackboneType):
    """Its positions are rotations, without a table; it was trained on no more of them than its configuration says."""

    model_type = "modernbert"
    layout = Layout("{cls} $A {sep}", "{cls} $A {sep} $B {sep}", segments=False)
    special_tokens: ClassVar[Mapping[str, str]] = Bert.special_tokens
    settings = frozenset(
        {
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "hidden_activation",
            "max_position_embeddings",
            "initializer_range",
            "initializer_cutoff_factor",
            "norm_eps",
            "norm_bias",
            "attention_bias",
            "mlp_bias",
            "local_attention",
            "global_attn_every_n_layers",
            "global_rope_theta",
            "local_rope_theta",
        }
    )

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        return ModelShape(
            layers=int(config.get("num_hidden_layers", 22)),
            hidden=int(config.get("hidden_size", 768)),
            inner=int(config.get("intermediate_size", 1152)),
            heads=int(config.get("num_attention_heads", 12)),
            vocabulary=int(vocabulary or config.get("vocab_size", 50368)),
            positions=0,
            usable_positions=int(config.get("max_position_embeddings", 8192)),
            types=0,
            activations=1,  # rotations of queries and keys are kept, too
            gated=True,
        )

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        hidden, inner = shape.hidden, shape.inner
        return (
            Linear("layers.{}.attn.Wqkv", hidden, 3 * hidden, True),
            Linear("layers.{}.attn.Wo", hidden, hidden, True),
            Linear("layers.{}.mlp.Wi", hidden, 2 * inner),
            Linear("layers.{}.mlp.Wo", inner, hidden),
        )

    def modeling(self) -> type[ModernBertBackbone]:
        from trainables.models.backbones.modeling_modernbert import ModernBertBackbone

        return ModernBertBackbone
