"""XLM-R XL and XXL (Goyal et al. 2021, arXiv 2105.00572): XLM-R with its norms before what they feed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from trainables.models.backbones.xlm_roberta import XLMRoberta
from trainables.models.shape import ModelShape


class XLMRobertaXL(XLMRoberta):
    """It reads what XLM-R reads."""

    model_type = "xlm-roberta-xl"
    known: ClassVar[Mapping[str, ModelShape]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {
        "hidden_size": 2560,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "intermediate_size": 10240,
        "vocab_size": 250_880,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
    }
    """Of its configuration in transformers."""

    def shape(self, config: Mapping[str, Any], vocabulary: int | None = None) -> ModelShape:
        return super().shape({**self.defaults, **config}, vocabulary)
