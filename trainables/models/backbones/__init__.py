"""The kinds of encoder and decoder that can be trained here, by the `model_type` of their configuration.

To add one, write a module with a `BackboneType` and the `Backbone` class that it names, and register it: here, or in a
plug-in. No other module knows what an architecture calls its parts, how it joins two texts, or how long they may be.
This package is free of torch; `BackboneType.modeling` loads the half that is not.
"""

from trainables.models.backbones.base import INPUT_NAMES, BackboneType, Layout, UnsupportedModel
from trainables.models.backbones.bert import Bert
from trainables.models.backbones.deberta_v2 import DebertaV2
from trainables.models.backbones.decoder import Gemma3, Gemma3Text, Llama, Mistral, Qwen3
from trainables.models.backbones.modernbert import ModernBert
from trainables.models.backbones.registry import (
    ADAPTER_CONFIG,
    CONFIG,
    DEFAULT,
    PICKLED,
    TOKENIZER_FILES,
    all_backbone_types,
    backbone_type_of,
    get_backbone_type,
    hub_shape,
    read_config,
    read_whole_config,
    register,
    shape_of,
)
from trainables.models.backbones.siglip import SiglipText
from trainables.models.backbones.t5 import MT5, T5, UMT5
from trainables.models.backbones.xlm_roberta import XLMRoberta
from trainables.models.backbones.xlm_roberta_xl import XLMRobertaXL

register(XLMRoberta())
register(XLMRobertaXL())
register(Bert())
register(DebertaV2())
register(ModernBert())
register(T5())
register(MT5())
register(UMT5())
register(SiglipText())
register(Llama())
register(Mistral())
register(Qwen3())
register(Gemma3Text())
register(Gemma3())

__all__ = [
    "ADAPTER_CONFIG",
    "CONFIG",
    "DEFAULT",
    "INPUT_NAMES",
    "PICKLED",
    "TOKENIZER_FILES",
    "BackboneType",
    "Layout",
    "UnsupportedModel",
    "all_backbone_types",
    "backbone_type_of",
    "get_backbone_type",
    "hub_shape",
    "read_config",
    "read_whole_config",
    "register",
    "shape_of",
]
