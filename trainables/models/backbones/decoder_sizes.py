"""Decoders of the hub whose sizes are known without asking the hub: what their `config.json` says of their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Sizes = Mapping[str, Mapping[str, Any]]
"""By the name on the hub."""


def _sizes(layers: int, hidden: int, inner: int, heads: int, **more: Any) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        **more,
    }


# Touvron et al. 2023 (arXiv 2302.13971), table 2; copies of the weights, since Meta's are not on the hub.
LLAMA: Sizes = {
    "huggyllama/llama-7b": _sizes(32, 4096, 11008, 32),
    "huggyllama/llama-13b": _sizes(40, 5120, 13824, 40),
    "huggyllama/llama-30b": _sizes(60, 6656, 17920, 52),
    "huggyllama/llama-65b": _sizes(80, 8192, 22016, 64),
}

MISTRAL: Sizes = {"mistralai/Mistral-7B-v0.1": _sizes(32, 4096, 14336, 32, num_key_value_heads=8, sliding_window=4096)}

# Yang et al. 2025 (arXiv 2505.09388), table 1. Models without `-Base` went on to be trained on instructions.
_QWEN3 = {
    "0.6B": _sizes(28, 1024, 3072, 16, tie_word_embeddings=True),
    "1.7B": _sizes(28, 2048, 6144, 16, tie_word_embeddings=True),
    "4B": _sizes(36, 2560, 9728, 32, tie_word_embeddings=True),
    "8B": _sizes(36, 4096, 12288, 32),
    "14B": _sizes(40, 5120, 17408, 40),
    "32B": _sizes(64, 5120, 25600, 64),
}
QWEN3: Sizes = {
    **{
        f"Qwen/Qwen3-{size}": {**sizes, "num_key_value_heads": 8, "max_position_embeddings": 40_960}
        for size, sizes in _QWEN3.items()
    },
    **{
        f"Qwen/Qwen3-{size}-Base": {**sizes, "num_key_value_heads": 8, "max_position_embeddings": 32_768}
        for size, sizes in _QWEN3.items()
        if size != "32B"  # of which only the other was published
    },
}

# Gemma 3's technical report (2025, arXiv 2503.19786), table 1, and Gemma 3 270M's card.
_SMALL = {"vocab_size": 262_144, "max_position_embeddings": 32_768, "sliding_window": 512}
_GEMMA3_TEXT = {
    "270m": _sizes(18, 640, 2048, 4, num_key_value_heads=1, **_SMALL),
    "1b": _sizes(26, 1152, 6912, 4, num_key_value_heads=1, **_SMALL),
}
# With a vision tower, which is left out.
_GEMMA3 = {
    "4b": _sizes(34, 2560, 10240, 8, num_key_value_heads=4),
    "12b": _sizes(48, 3840, 15360, 16, num_key_value_heads=8),
    "27b": _sizes(62, 5376, 21504, 32, num_key_value_heads=16, head_dim=128),
}
GEMMA3_TEXT: Sizes = {
    "google/gemma-3-270m": _GEMMA3_TEXT["270m"],
    "google/gemma-3-270m-it": _GEMMA3_TEXT["270m"],
    "google/gemma-3-1b-pt": _GEMMA3_TEXT["1b"],
    "google/gemma-3-1b-it": _GEMMA3_TEXT["1b"],
}
GEMMA3: Sizes = {
    f"google/gemma-3-{size}-{kind}": {"text_config": {**sizes, "sliding_window": 1024}}
    for size, sizes in _GEMMA3.items()
    for kind in ("pt", "it")
}
