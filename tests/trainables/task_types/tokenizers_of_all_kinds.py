"""Small tokenizers of every kind that multilingual encoders have, trained on a few words of many scripts."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
WORDS = {
    "Latin": "café Zürich żółw İstanbul Tiếng Việt nữa ﬁne 5㎏ ½ e a",
    "Greek": "Ελληνικά κείμενα είναι ώρα ᾧ",
    "Cyrillic": "ещё тут йод Київ їжак",
    "Devanagari": "नमस्ते हिन्दी ज़मीन क़लम में",
    "Tamil": "தமிழ் கோ மொழி",
    "Thai": "กำลัง น้ำ ไทย",
    "Arabic": "العربية آدم نصٌّ أ",
    "Hebrew": "שָׁלוֹם עברית בּ",
    "Chinese": "北京 中國 首都 是",
    "Japanese": "がぎぐ 東京 です パ",
    "Korean": "한국어 문장 말 각",
    "Armenian": "Հայերեն լեզու և",
}
SPECIAL = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
SPACES = normalizers.Replace(Regex(" {2,}"), " ")
BYTES = pre_tokenizers.ByteLevel.alphabet()
BYTE_TOKENS = [f"<0x{number:02X}>" for number in range(256)]
BYTE_FALLBACK = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def _lines() -> list[str]:
    texts = [*WORDS.values(), *(word for words in WORDS.values() for word in words.split())]
    return [unicodedata.normalize(form, text) for text in texts for form in FORMS]


def _trained(tokenizer: Tokenizer, trainer: Any, **parts: Any) -> Tokenizer:
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(_lines(), trainer)
    return tokenizer


def _rules() -> normalizers.Normalizer:
    """The rules of normalisation that a SentencePiece model brings: NFKC, and what SentencePiece adds to it."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_lines() * 5),
        model_writer=written,
        vocab_size=300,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    return normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)


def _unigram(**parts: Any) -> Tokenizer:
    special = [*SPECIAL.values()]
    trainer = trainers.UnigramTrainer(vocab_size=450, special_tokens=special, unk_token="<unk>", show_progress=False)
    return _trained(Tokenizer(models.Unigram()), trainer, **parts)


def _bpe(
    special: list[str] | None = None, alphabet: list[str] | None = None, fallback: bool = False, **parts: Any
) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[*SPECIAL.values(), *(special or [])],
        initial_alphabet=alphabet or [],
        # With byte fallback the rarer characters are left to bytes.
        limit_alphabet=60 if fallback else 1000,
        show_progress=False,
    )
    return _trained(Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=fallback)), trainer, **parts)


def _wordpiece(**options: Any) -> Tokenizer:
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=[*SPECIAL.values()], show_progress=False)
    return _trained(
        Tokenizer(models.WordPiece(unk_token="<unk>")),
        trainer,
        normalizer=normalizers.BertNormalizer(**options),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.WordPiece(cleanup=False),
    )


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "unigram, NFKC, the space sign before the text": lambda: _unigram(
        normalizer=normalizers.Sequence([normalizers.NFKC(), SPACES, normalizers.Strip()]),
        pre_tokenizer=pre_tokenizers.Metaspace(),
    ),
    "unigram, SentencePiece's rules, the space sign before every word (XLM-R)": lambda: _unigram(
        normalizer=_rules(),
        pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
        decoder=decoders.Metaspace(),
    ),
    "unigram, SentencePiece's rules, the space sign before the text (T5)": lambda: _unigram(
        normalizer=normalizers.Sequence([normalizers.Strip(left=False), _rules(), SPACES]),
        pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first"),
        decoder=decoders.Metaspace(),
    ),
    "unigram, no normaliser, no space sign before the text": lambda: _unigram(
        pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="never"), decoder=decoders.Metaspace()
    ),
    "byte-level BPE (GPT-2)": lambda: _bpe(
        alphabet=BYTES,
        pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False),
        post_processor=processors.ByteLevel(trim_offsets=False),
        decoder=decoders.ByteLevel(),
    ),
    "byte-level BPE, NFC, spaces taken out of the offsets (RoBERTa)": lambda: _bpe(
        alphabet=BYTES,
        normalizer=normalizers.NFC(),
        pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True),
        post_processor=processors.ByteLevel(trim_offsets=True),
        decoder=decoders.ByteLevel(),
    ),
    "BPE, bytes for what it does not know (Gemma)": lambda: _bpe(
        special=BYTE_TOKENS,
        fallback=True,
        normalizer=normalizers.Replace(" ", "▁"),
        pre_tokenizer=pre_tokenizers.Split("▁", "merged_with_next"),
        decoder=decoders.Sequence(BYTE_FALLBACK),
    ),
    "WordPiece, lower case, without accents (uncased BERT)": lambda: _wordpiece(lowercase=True),
    "WordPiece (cased BERT)": lambda: _wordpiece(lowercase=False, strip_accents=False),
}


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer of this kind, trained once."""
    return PreTrainedTokenizerFast(tokenizer_object=KINDS[kind](), **SPECIAL)
