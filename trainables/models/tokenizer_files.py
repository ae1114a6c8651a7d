"""A tokenizer from the files that lie beside a model: `tokenizer.json`, or what SentencePiece or BERT wrote.

Older models, as XLM-V, Glot500, mDeBERTa and mT5, have a SentencePiece file alone. It is converted in memory, as
transformers does it, and a checkpoint then has a `tokenizer.json`. Three things that transformers does in silence are
mended here. Without a file that it knows, it makes a tokenizer of special tokens alone. Where the class of a tokenizer
builds it anew, as DeBERTa's does, what the file says of normal forms may be lost: full-width letters and marks of
Chinese and Japanese were then unknown subwords. And the `tokenizer.model` of a LLaMA, Mistral or Gemma, where no file
beside it says more, was read without the beginning of text that these models were trained with, and by another class.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import transformers
from tokenizers import normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import cached_file

from trainables.failure import NonRetryable
from trainables.models.backbones import CONFIG, TOKENIZER_FILES
from trainables.models.unreadable import first_line
from trainables.outside.text import bounded

CLASSES = {
    "sentencepiece.bpe.model": "XLMRobertaTokenizer",
    "spm.model": "DebertaV2Tokenizer",
    "spiece.model": "T5Tokenizer",
}
"""SentencePiece file: the class of transformers that reads it, whatever the model is (a BERT may have XLM-R's)."""
OF_DECODERS = "tokenizer.model"
OWN_CLASSES = {
    "llama": "LlamaTokenizer",
    "mistral": "LlamaTokenizer",
    "gemma3": "GemmaTokenizer",
    "gemma3_text": "GemmaTokenizer",
}
"""The class that reads `OF_DECODERS`, a SentencePiece file that models of several kinds have, by `model_type`."""
TOKENIZER_CONFIG = "tokenizer_config.json"


class WrongTokenizer(NonRetryable, ValueError):
    """A tokenizer that cannot be loaded, or whose sequences its backbone cannot read; the message is one line."""


def read_tokenizer(name: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a model.

    Args:
        name: a directory, or the hub's name of a model.
        revision: commit of the hub's model; None for a directory.

    One that has no token to pad with, as LLaMA's, pads with its end of text. That is safe: padding stands behind a
    sequence, nothing reads it, and no loss or gradient comes of it.

    Raises WrongTokenizer where there is no file that can be read.
    """
    mend = "save one there (save_pretrained of its tokenizer in transformers), or give another model"
    path = next(filter(None, (_path(name, revision, file) for file in TOKENIZER_FILES)), None)
    if path is None:
        raise WrongTokenizer(bounded(f"{name}: it has no tokenizer ({', '.join(TOKENIZER_FILES)}); {mend}"))
    file = path.name
    try:
        class_name, options = CLASSES.get(file), {}
        if file == OF_DECODERS and (own := OWN_CLASSES.get(_said(name, revision, CONFIG).get("model_type", ""))):
            class_name = own
            options = {"add_bos_token": _said(name, revision, TOKENIZER_CONFIG).get("add_bos_token", True)}
        reader = AutoTokenizer if class_name is None else getattr(transformers, class_name)
        tokenizer = reader.from_pretrained(name, revision=revision, trust_remote_code=False, **options)
    except Exception as error:  # of tokenizers, SentencePiece and transformers alike, with no class in common
        if isinstance(error, OSError) and revision is not None:  # the hub does not answer
            raise
        raise WrongTokenizer(bounded(f"{name}: its {file} cannot be read ({first_line(error)}); {mend}")) from None
    if len(tokenizer) - len(set(tokenizer.all_special_ids)) < 2:
        raise WrongTokenizer(bounded(f"{name}: its {file} gives no subwords to its tokenizer; {mend}"))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return _normalised(tokenizer, path)


def _path(name: str, revision: str | None, file: str) -> Path | None:
    if revision is None:
        path = Path(name) / file
        return path if path.is_file() else None
    found = cached_file(name, file, revision=revision, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None


def _said(name: str, revision: str | None, file: str) -> dict[str, Any]:
    """What a JSON file of a model holds; nothing where it has none."""
    path = _path(name, revision, file)
    said = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    return said if isinstance(said, dict) else {}


def _normalised(tokenizer: PreTrainedTokenizerBase, path: Path) -> PreTrainedTokenizerBase:
    """`tokenizer` with the table of normal forms that its file `path` has, if it has lost that.

    It is then of a class that saves and loads all of itself.
    """
    if "__init__" not in type(tokenizer).__dict__:  # it is what its file says
        return tokenizer
    backend = tokenizer.backend_tokenizer
    if backend.normalizer is not None and b"Precompiled" in backend.normalizer.__getstate__():
        return tokenizer
    table = _table_of_forms(path)
    if table is None:
        return tokenizer
    forms = normalizers.Precompiled(table)
    backend.normalizer = normalizers.Sequence([forms] if backend.normalizer is None else [forms, backend.normalizer])
    whole = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=tokenizer.model_input_names,
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )
    whole.name_or_path = tokenizer.name_or_path
    return whole


def _table_of_forms(path: Path) -> bytes | None:
    """SentencePiece's table of normal forms ("precompiled charsmap")."""
    if path.suffix == ".json":
        said = json.loads(path.read_text(encoding="utf-8")).get("normalizer") or {}
        for one in said.get("normalizers", [said]):
            if one.get("type") == "Precompiled" and one.get("precompiled_charsmap"):
                return base64.b64decode(one["precompiled_charsmap"])
        return None
    if path.name not in CLASSES:
        return None
    from transformers.convert_slow_tokenizer import SentencePieceExtractor

    return SentencePieceExtractor(str(path)).proto.normalizer_spec.precompiled_charsmap or None
