"""A GGUF file as a folder that transformers writes: converted once on a machine, and read from then on.

transformers takes minutes to read a large vocabulary and to undo the quantisation, and every step would anew. The
folder is a copy like those of a remote store (`trainables.store.copies`), in `XSTILTS_CACHE`. Its name has the digest
of the file and the version of transformers, whose reading it is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from trainables.models.backbones import read_config, shape_of
from trainables.models.unreadable import WrongWeights, in_one_line
from trainables.store import Copy, use


def converted(file: Path, sha256: str) -> Path:
    """The folder with the weights of `file` in fp32, its configuration and its tokenizer.

    Args:
        file: a GGUF file.
        sha256: its identity in a recipe (`hash_model_dir`).

    The folder stays while this process lives. Raises UnsupportedModel by the header, WrongWeights by the rest, and
    StoreError where it finds no room.
    """
    return _copy(file, sha256).path


@cache
def _copy(file: Path, sha256: str) -> Copy:
    parameters = shape_of(read_config(file / "config.json"), str(file)).parameters
    name = f"gguf-{sha256[:32]}-transformers-{transformers.__version__}"
    return use(name, 4 * parameters, lambda folder: _convert(file, folder))


def _convert(file: Path, folder: Path) -> None:
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "trust_remote_code": False}
    with in_one_line(WrongWeights, f"{file}: cannot be read", "give a sound copy"):
        # Where transformers has a kernel for the file's types it would leave the weights as they are.
        model, info = AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True), output_loading_info=True
        )
        if info["missing_keys"]:
            raise ValueError(f"it lacks {', '.join(sorted(info['missing_keys'])[:5])}")
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
