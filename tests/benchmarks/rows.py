"""Rows with random subwords and the lengths of real tasks' rows, and models with random weights: no download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
)

from trainables.models.backbones.bert import MINILM
from trainables.models.backbones.xlm_roberta import XLMR_BASE, XLMR_LARGE
from trainables.models.shape import ModelShape

SUBWORDS = 30_000
"""How many different subwords the rows have: about what English MNLI has of XLM-R's."""
SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
SHAPES = {
    "tiny": ModelShape(2, 64, 128, 2, vocabulary=40_000, positions=514, usable_positions=512, types=1),
    "small": MINILM,
    "base": XLMR_BASE,
    "large": XLMR_LARGE,
}
"""`small` is multilingual E5 small."""


@dataclass(frozen=True)
class Kind:
    """A kind of work: a task type, and how long its rows are."""

    type: str
    mean: float
    longest: int
    labels: tuple[str, ...]
    auto: Any


WORKS = {
    "pairs": Kind("pair-classification", 43, 128, ("a", "b", "c"), AutoModelForSequenceClassification),
    "tags": Kind("tagging", 26, 128, tuple("abcdefghijklmnopq"), AutoModelForTokenClassification),
    "spans": Kind("span-qa", 195, 384, (), AutoModelForQuestionAnswering),
}
"""Lengths as measured on MNLI, UD-POS and SQuAD (`lengths` in their records)."""


@dataclass(frozen=True)
class Job:
    """What is trained, and how much of it is timed."""

    work: str
    batch: int
    updates: int
    warm_up: int
    dropout: float
    precision: str


def rows_of(kind: Kind, count: int, config: Any) -> list[dict[str, Any]]:
    """Features with random subwords; lengths have the kind's mean, and spread as those of sentences."""
    rng = np.random.default_rng(1)
    lengths = np.clip(rng.gamma(5.0, kind.mean / 5.0, count), 6, kind.longest).astype(int)
    # Frequent subwords are frequent (Zipf), and ids below 5 are special.
    ranks = 1 / np.arange(1, min(SUBWORDS, config.vocab_size - 6) + 1)
    rows = []
    for length in lengths:
        ids = [0, *(5 + rng.choice(len(ranks), size=length - 2, p=ranks / ranks.sum())).tolist(), 2]
        row: dict[str, Any] = {"input_ids": ids}
        if config.type_vocab_size > 1:
            row["token_type_ids"] = [int(place > length // 2) for place in range(length)]
        if kind.type == "tagging":
            row["words"] = list(range(1, length - 1))
            row["tags"] = rng.integers(len(kind.labels), size=length - 2).tolist()
        elif kind.type == "span-qa":
            row["span"] = sorted(rng.integers(1, length - 1, size=2).tolist())
        else:
            row["label"] = int(rng.integers(len(kind.labels)))
        rows.append(row)
    return rows


def made(shape: ModelShape, path: Path) -> Path:
    """A directory with a model of random weights and a tokenizer that knows next to nothing."""
    config = AutoConfig.for_model(
        "xlm-roberta",
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(path)
    words = {
        word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz"])
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL, cls_token="<s>", sep_token="</s>").save_pretrained(
        path
    )
    return path
