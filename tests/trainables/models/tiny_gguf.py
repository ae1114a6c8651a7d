"""A GGUF file of a tiny LLaMA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

BLOCK = {
    "attn_norm": (32,),
    "attn_q": (32, 32),
    "attn_k": (16, 32),
    "attn_v": (16, 32),
    "attn_output": (32, 32),
    "ffn_norm": (32,),
    "ffn_gate": (48, 32),
    "ffn_up": (48, 32),
    "ffn_down": (32, 48),
}
"""Tensors of a block, as NumPy has their shapes."""
LETTERS = ["▁", *(chr(code) for code in range(ord("a"), ord("z") + 1))]
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{number:02X}>" for number in range(256)), *LETTERS]


def write(
    file: Path,
    architecture: str = "llama",
    kind: Any = np.float32,
    cut: int = 0,
    name: str = "tiny",
    without: str = "",
    **more: int,
) -> Path:
    """A GGUF file of a tiny LLaMA with random weights, whose subwords are letters and bytes; `more` and `without` are
    entries of its header, or a tensor."""
    writer = gguf.GGUFWriter(str(file), architecture)
    sizes = {"block_count": 2, "embedding_length": 32, "feed_forward_length": 48, "context_length": 128}
    sizes |= {"attention.head_count": 4, "attention.head_count_kv": 2, "rope.dimension_count": 8}
    entries = {f"{architecture}.{key}": value for key, value in sizes.items()} | more
    writer.add_name(name)
    for key, value in entries.items():
        if key != without:
            writer.add_uint32(key, value)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    if without != "tokenizer.ggml.tokens":
        writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * 259 + [-float(number) for number in range(len(LETTERS))])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * len(LETTERS))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    rng = np.random.default_rng(1)
    for tensor, *shape in (
        ("token_embd.weight", len(TOKENS), 32),
        *((f"blk.{block}.{part}.weight", *size) for block in range(2) for part, size in BLOCK.items()),
        ("output_norm.weight", 32),
    ):
        if tensor == without:
            continue
        values = np.ones(shape) if len(shape) == 1 else rng.normal(0, 0.3, shape)
        writer.add_tensor(tensor, values.astype(kind if tensor == "token_embd.weight" else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if cut:
        file.write_bytes(file.read_bytes()[:cut])
    return file
