"""GGUF files as models (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), as far as a plan must know them.

What is read is the header: sizes, tensors and their types. It is read here, since the `gguf` package takes a minute for
a vocabulary of 262,144 subwords (each is a NumPy view), and transformers cannot be imported while planning. Weights and
tokenizer are read by transformers (`trainables.models.converted`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from trainables.failure import NonRetryable
from trainables.outside.text import bounded, shown

SUFFIX = ".gguf"
ARCHITECTURES: Mapping[str, str] = {"llama": "llama", "mistral": "mistral", "qwen3": "qwen3", "gemma3": "gemma3_text"}
"""What a GGUF file calls an architecture: the `model_type` of transformers."""
TOLD_BY_NAME = ("mistral",)
"""Architectures that GGUF files call `llama`: the name of the model tells them."""
SIZES: Mapping[str, str] = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "context_length": "max_position_embeddings",
}
REQUIRED = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count")
"""Sizes that every header has: where they are not known, there would be others by default."""
TENSORS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}
"""Types of tensors that are read: number, name, numbers in a block, bytes of a block (`gguf.GGML_QUANT_SIZES`)."""
_STRING, _ARRAY = 8, 9
_VALUES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_LARGEST = 1 << 24
"""Entries, bytes of a string or items of an array: more than any header has."""


class WrongGguf(NonRetryable, ValueError):
    """A GGUF file that is broken, or of a kind that is not read here; the message is one line."""


def gguf_of(path: Path) -> Path | None:
    """The GGUF file that a local model is: itself, or the only one of a directory without a `config.json`."""
    if path.suffix == SUFFIX and path.is_file():
        return path
    found = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() and not (path / "config.json").exists() else []
    return found[0] if len(found) == 1 else None


def read_gguf(file: Path) -> dict[str, Any]:
    """What a `config.json` would say of its shape. Raises WrongGguf."""
    try:
        with file.open("rb") as stream:
            return _config(stream, str(file), file.stat().st_size)
    except (OSError, struct.error, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise WrongGguf(bounded(f"{file}: its header cannot be read ({error}); get the file again")) from None


def _config(stream: BinaryIO, name: str, size: int) -> dict[str, Any]:
    magic, version = stream.read(4), _number(stream, "I")
    if magic != b"GGUF" or version not in (2, 3):
        raise WrongGguf(f"{name}: is no GGUF file of version 2 or 3; get the file again")
    tensors, entries = (_count(stream, name) for _ in range(2))
    said = {}
    for _ in range(entries):
        key = _text(stream, name)
        said[key] = _value(stream, _number(stream, "I"), name)
    architecture = said.get("general.architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise WrongGguf(f"{name}: is of the GGUF architecture {shown(architecture)}; those that are read: {known}")
    lacking = _lacking(said, architecture)
    if lacking is not None:
        raise WrongGguf(f"{name}: {lacking}")
    called = str(said.get("general.name")).lower()
    architecture = next((one for one in TOLD_BY_NAME if one in called), architecture)
    shapes, ends = {}, 0
    for _ in range(tensors):
        tensor, axes = _text(stream, name), _number(stream, "I")
        if axes > 8:
            raise WrongGguf(f"{name}: its header is broken (a tensor of {axes} axes); get the file again")
        shape = [_number(stream, "Q") for _ in range(axes)]
        kind, offset = _number(stream, "I"), _number(stream, "Q")
        if kind not in TENSORS:
            known = ", ".join(one for one, _, _ in TENSORS.values())
            raise WrongGguf(f"{name}: {shown(tensor)} has the quantisation type {kind}; types that are read: {known}")
        _, block, width = TENSORS[kind]
        ends = max(ends, offset + prod(shape) // block * width)
        shapes[tensor] = shape
    if stream.tell() + ends > size:
        raise WrongGguf(f"{name}: has {size:,} bytes, and its tensors need {stream.tell() + ends:,}; get it again")
    if "token_embd.weight" not in shapes:
        raise WrongGguf(f"{name}: has no table of subwords (token_embd.weight); give a file with all of the model")
    kind = said["general.architecture"]
    config = {field: said[f"{kind}.{key}"] for key, field in SIZES.items() if f"{kind}.{key}" in said}
    return {
        "model_type": ARCHITECTURES[architecture],
        "vocab_size": shapes["token_embd.weight"][-1],
        "tie_word_embeddings": "output.weight" not in shapes,
        **config,
    }


def _lacking(said: Mapping[str, Any], architecture: str) -> str | None:
    """What speaks against a file by its header, as the end of a line."""
    if (parts := said.get("split.count") or 0) > 1:
        return f"is one of {parts} parts; make one file of them (llama-gguf-split --merge of llama.cpp)"
    if said.get(f"{architecture}.expert_count"):
        return "is a mixture of experts, which cannot be trained here; give a model without them"
    for key in REQUIRED:
        if not isinstance(said.get(f"{architecture}.{key}"), int):
            return f"does not say {architecture}.{key} in one number; get the file again"
    if "tokenizer.ggml.tokens" not in said:
        return "has no tokenizer (tokenizer.ggml.tokens); give a file with all of the model"
    return None


def _number(stream: BinaryIO, kind: str) -> Any:
    (value,) = struct.unpack(f"<{kind}", stream.read(struct.calcsize(f"<{kind}")))
    return value


def _count(stream: BinaryIO, name: str) -> int:
    count: int = _number(stream, "Q")
    if count > _LARGEST:
        raise WrongGguf(f"{name}: its header is broken (a count of {count}); get the file again")
    return count


def _text(stream: BinaryIO, name: str) -> str:
    length = _count(stream, name)
    data = stream.read(length)
    if len(data) < length:
        raise WrongGguf(f"{name}: ends within its header; get the file again")
    return data.decode("utf-8", errors="replace")


def _value(stream: BinaryIO, kind: int, name: str) -> Any:
    """A value; of an array, which is read past, None."""
    if kind == _STRING:
        return _text(stream, name)
    if kind == _ARRAY:
        item, count = _number(stream, "I"), _count(stream, name)
        if item == _STRING:
            for _ in range(count):
                stream.seek(_count(stream, name), 1)
        elif item in _VALUES:
            stream.seek(count * struct.calcsize(f"<{_VALUES[item]}"), 1)
        else:
            raise WrongGguf(f"{name}: its header is broken (an array of type {item}); get the file again")
        return None
    if kind not in _VALUES:
        raise WrongGguf(f"{name}: its header is broken (a value of type {kind}); get the file again")
    return _number(stream, _VALUES[kind])
