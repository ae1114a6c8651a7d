"""DeBERTa-v2 and v3 (He et al. 2021, arXiv 2006.03654 and 2111.09543), mDeBERTa among them: attention reads distances
beside the content; `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones.base import BERT_SETTINGS, BackboneType, Layout, bert_linears
from trainables.models.backbones.bert import Bert
from trainables.models.shape import UNBOUNDED, Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling_deberta_v2 import DebertaV2Backbone


class DebertaV2(BackboneType):
    """Where a configuration has no absolute positions, a text may have any length: what is too far counts as equally
    far. Where it has no segments, it reads none of those that it is given."""

    model_type = "deberta-v2"
    layout = Layout("{cls} $A {sep}", "{cls} $A {sep} $B:1 {sep}:1", segments=True)
    special_tokens: ClassVar[Mapping[str, str]] = Bert.special_tokens
    settings = BERT_SETTINGS | {
        "relative_attention",
        "position_biased_input",
        "pos_att_type",
        "max_relative_positions",
        "position_buckets",
        "norm_rel_ebd",
        "share_att_key",
        "conv_kernel_size",
        "conv_act",
        "conv_groups",
    }

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        layers, hidden = int(config.get("num_hidden_layers", 24)), int(config.get("hidden_size", 1536))
        length = int(config.get("max_position_embeddings", 512))
        absolute = bool(config.get("position_biased_input", True))
        relative = bool(config.get("relative_attention", False))
        return ModelShape(
            layers=layers,
            hidden=hidden,
            inner=int(config.get("intermediate_size", 6144)),
            heads=int(config.get("num_attention_heads", 24)),
            vocabulary=int(vocabulary or config.get("vocab_size", 128100)),
            positions=length if absolute else 0,
            usable_positions=length if absolute else UNBOUNDED,
            types=int(config.get("type_vocab_size", 0)),
            scores=3,
            distances=2 * _span(config, length) if relative else 0,
            relative=_relative(config, layers, hidden, length) if relative else 0,
        )

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        hidden, own = shape.hidden, "encoder.layer.{}.attention.self."
        names = [f"{name}_proj" for name in ("query", "key", "value")]
        if config.get("relative_attention", False) and not config.get("share_att_key", False):
            read = config.get("pos_att_type") or ()
            names += [name for way, name in (("c2p", "pos_key_proj"), ("p2c", "pos_query_proj")) if way in read]
        others = (linear for linear in bert_linears(shape) if not linear.name.startswith(own))
        return (*(Linear(own + name, hidden, hidden, True) for name in names), *others)

    def limits(self, config: Mapping[str, Any]) -> str | None:
        hidden = config.get("hidden_size", 1536)
        if config.get("embedding_size", hidden) != hidden:
            return "has embeddings of another width than its blocks: only equal ones are supported"
        if config.get("position_biased_input", True) or config.get("relative_attention", False):
            return None
        return "has no positions at all: set position_biased_input or relative_attention in its config.json"

    def modeling(self) -> type[DebertaV2Backbone]:
        from trainables.models.backbones.modeling_deberta_v2 import DebertaV2Backbone

        return DebertaV2Backbone


def _relative(config: Mapping[str, Any], layers: int, hidden: int, length: int) -> int:
    """Parameters of the table of distances and, where attention does not use those of the content, its projections."""
    table = 2 * _span(config, length) * hidden
    read = config.get("pos_att_type") or ()
    projections = 0 if config.get("share_att_key", False) else sum(way in read for way in ("c2p", "p2c"))
    return table + layers * projections * (hidden + 1) * hidden


def _span(config: Mapping[str, Any], length: int) -> int:
    """Distances that are told apart in each direction."""
    found = (int(config.get(name, -1)) for name in ("position_buckets", "max_relative_positions"))
    return next((span for span in found if span > 0), length)
