"""The text towers of SigLIP (Zhai et al. 2023, arXiv 2303.15343) and SigLIP 2 (Tschannen et al. 2025, arXiv
2502.14786): an encoder with norms before what they feed, 64 positions and, in SigLIP 2, Gemma's tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones.base import BackboneType, Layout
from trainables.models.shape import Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling_siglip import SiglipTextBackbone

# Tables 1 of both papers: the size of BERT Base; SigLIP 2 has Gemma's vocabulary.
SIGLIP2_BASE = ModelShape(
    layers=12,
    hidden=768,
    inner=3072,
    heads=12,
    vocabulary=256_000,
    positions=64,
    usable_positions=64,
    types=0,
    activations=1,
    mask_token=False,
)


class SiglipText(BackboneType):
    """A text ends in a token of its own. In its pretraining texts were filled up to 64 tokens, which all see each
    other; here no token sees padding."""

    model_type = "siglip_text_model"
    layout = Layout("$A {eos}", "$A {eos} $B {eos}", segments=False)
    special_tokens: ClassVar[Mapping[str, str]] = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    settings = frozenset(
        {
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "hidden_act",
            "layer_norm_eps",
        }
    )
    known: ClassVar[Mapping[str, ModelShape]] = {"google/siglip2-base-patch16-224": SIGLIP2_BASE}

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        positions = int(config.get("max_position_embeddings", 64))
        return ModelShape(
            layers=int(config.get("num_hidden_layers", 12)),
            hidden=int(config.get("hidden_size", 768)),
            inner=int(config.get("intermediate_size", 3072)),
            heads=int(config.get("num_attention_heads", 12)),
            vocabulary=int(vocabulary or config.get("vocab_size", 32_000)),
            positions=positions,
            usable_positions=positions,
            types=0,
            activations=1,
            mask_token=False,
        )

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        hidden, block = shape.hidden, "encoder.layers.{}."
        projections = ("q_proj", "k_proj", "v_proj", "out_proj")
        return (
            *(Linear(f"{block}self_attn.{name}", hidden, hidden, True) for name in projections),
            Linear(f"{block}mlp.fc1", hidden, shape.inner),
            Linear(f"{block}mlp.fc2", shape.inner, hidden),
        )

    def modeling(self) -> type[SiglipTextBackbone]:
        from trainables.models.backbones.modeling_siglip import SiglipTextBackbone

        return SiglipTextBackbone
