"""Sentence retrieval without training: mean-pooled hidden states, nearest neighbour by cosine (Tatoeba).

As in the XTREME reference for XLM-R Large: the mean over all tokens that are no padding, of the output of block 14
of 24; in a model of another depth, of the block at the same share of its depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..metrics.retrieval import nearest_neighbours, retrieval_scores
from ..recipe import TaskSpec
from .base import Family, Feature, Prediction

DEPTH = 14 / 24


class MeanPool(nn.Module):
    """The mean over real tokens of one hidden layer. No parameters."""

    wants_all_layers = True

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Vectors (examples × hidden)."""
        states = hidden.hidden_states[self.layer].float()
        mask = batch["attention_mask"].unsqueeze(-1)
        vectors: Tensor = (states * mask).sum(1) / mask.sum(1)
        return vectors


class Retrieval(Family):
    name = "retrieval"

    def encode(
        self, examples: Dataset, tokenizer: PreTrainedTokenizerBase, task: TaskSpec, max_length: int
    ) -> list[Feature]:
        """All queries, then all candidates, in the order of the examples."""
        texts = list(examples["query"]) + list(examples["candidate"])
        ids = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"] if texts else []
        return [{"input_ids": row, "example": i % len(examples)} for i, row in enumerate(ids)]

    def head(self, backbone: PreTrainedModel, task: TaskSpec, dropout: float) -> nn.Module:
        return MeanPool(max(1, round(DEPTH * backbone.config.num_hidden_layers)))

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError("retrieval by mean pooling is evaluated, never trained")

    def raw(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(output.float().cpu().numpy())

    def predict(
        self, raw: Sequence[Any], features: Dataset, examples: Dataset, task: TaskSpec
    ) -> dict[str, Prediction]:
        """The row number of the candidate that is nearest to each query."""
        vectors = np.stack(list(raw))
        queries, candidates = vectors[: len(examples)], vectors[len(examples) :]
        return dict(zip(examples["id"], nearest_neighbours(queries, candidates).tolist(), strict=True))

    def score(self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec) -> dict[str, float]:
        return retrieval_scores([predictions[i] for i in examples["id"]])
