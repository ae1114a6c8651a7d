"""XLM-R (Conneau et al. 2020, arXiv 1911.02116): RoBERTa's architecture; `<s> A </s>` and `<s> A </s></s> B </s>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.models.backbones.base import (
    BERT_SETTINGS,
    BackboneType,
    Layout,
    bert_limits,
    bert_linears,
    bert_shape,
)
from trainables.models.backbones.text_towers import ON_HUB
from trainables.models.shape import Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling import RobertaBackbone

# Table 1 of the paper.
XLMR_LARGE = ModelShape(
    layers=24,
    hidden=1024,
    inner=4096,
    heads=16,
    vocabulary=250_002,
    positions=514,
    usable_positions=512,
    types=1,
    packed=True,
)
XLMR_BASE = ModelShape(
    layers=12,
    hidden=768,
    inner=3072,
    heads=12,
    vocabulary=250_002,
    positions=514,
    usable_positions=512,
    types=1,
    packed=True,
)


class XLMRoberta(BackboneType):
    """Positions are counted from the padding id + 1, so the rows up to there are never used; it has no segments: where
    a checkpoint has more than one segment embedding, only the first was trained."""

    model_type = "xlm-roberta"
    layout = Layout("{cls} $A {sep}", "{cls} $A {sep} {sep} $B {sep}", segments=False)
    special_tokens: ClassVar[Mapping[str, str]] = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    settings = BERT_SETTINGS
    known: ClassVar[Mapping[str, ModelShape]] = {
        **dict.fromkeys(("FacebookAI/xlm-roberta-large", "xlm-roberta-large"), XLMR_LARGE),
        **dict.fromkeys(("FacebookAI/xlm-roberta-base", "xlm-roberta-base"), XLMR_BASE),
        # Text towers of XLM-R's shape (`text_towers`).
        **{name: XLMR_LARGE for name, kind in ON_HUB.items() if kind in ("M-CLIP", "altclip")},
    }

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        return bert_shape(config, vocabulary, reserved_positions=self.padding(config) + 1)

    def padding(self, config: Mapping[str, Any]) -> int:
        return int(config.get("pad_token_id", 1))

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        return bert_linears(shape)

    def limits(self, config: Mapping[str, Any]) -> str | None:
        return bert_limits(config)

    def modeling(self) -> type[RobertaBackbone]:
        from trainables.models.backbones.modeling import RobertaBackbone

        return RobertaBackbone
