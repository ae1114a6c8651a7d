"""BERT (Devlin et al. 2019, arXiv 1810.04805), multilingual BERT among them: `[CLS] A [SEP]` and
`[CLS] A [SEP] B [SEP]`, where the second text and its end are segment 1."""

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
from trainables.models.shape import Linear, ModelShape

if TYPE_CHECKING:
    from trainables.models.backbones.modeling import BertBackbone

# google-research/bert at eedf571, multilingual.md: the size of BERT Base, a vocabulary of its own.
MBERT = ModelShape(
    layers=12,
    hidden=768,
    inner=3072,
    heads=12,
    vocabulary=119_547,
    positions=512,
    usable_positions=512,
    types=2,
    packed=True,
)

# intfloat/multilingual-e5-small and what it was made from, microsoft/Multilingual-MiniLM-L12-H384: BERT's blocks over
# XLM-R's subwords.
MINILM = ModelShape(
    layers=12,
    hidden=384,
    inner=1536,
    heads=12,
    vocabulary=250_037,
    positions=512,
    usable_positions=512,
    types=2,
    packed=True,
)


class Bert(BackboneType):
    """Every row of the table of positions is used."""

    model_type = "bert"
    layout = Layout("{cls} $A {sep}", "{cls} $A {sep} $B:1 {sep}:1", segments=True)
    special_tokens: ClassVar[Mapping[str, str]] = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    settings = BERT_SETTINGS
    known: ClassVar[Mapping[str, ModelShape]] = {
        **dict.fromkeys(("google-bert/bert-base-multilingual-cased", "bert-base-multilingual-cased"), MBERT),
        "intfloat/multilingual-e5-small": MINILM,
    }

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        return bert_shape(config, vocabulary, reserved_positions=0)

    def linears(self, config: Mapping[str, Any], shape: ModelShape) -> tuple[Linear, ...]:
        return bert_linears(shape)

    def limits(self, config: Mapping[str, Any]) -> str | None:
        return bert_limits(config)

    def modeling(self) -> type[BertBackbone]:
        from trainables.models.backbones.modeling import BertBackbone

        return BertBackbone
