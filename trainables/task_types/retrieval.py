"""Sentence retrieval without training: states of one hidden layer, pooled; nearest neighbour by cosine (Tatoeba).

How a sentence becomes a vector, and which side asks, is said by the task (`PoolingConfig`). The defaults are those of
the XTREME reference for XLM-R Large: the mean over all tokens that are no padding, of the output of block 14 of 24; in
a model of another depth, of the block at the same share of its depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor, nn

from trainables.metrics.retrieval import nearest_neighbours, retrieval_scores
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder
from trainables.recipe.recipes import PoolingConfig, TaskSpec
from trainables.task_types.base import Feature, ModelOutputs, Prediction, TaskType

DEPTH = 14 / 24


class LayerPooling(nn.Module):
    """One vector per sequence from one hidden layer. No parameters."""

    wants_all_layers = True

    def __init__(self, backbone: Backbone, vectors: PoolingConfig) -> None:
        super().__init__()
        layers = backbone.shape.layers
        self.layer = retrieval_layer(layers) if vectors.layer is None else vectors.layer
        self.pooling = vectors.pooling
        if self.layer > layers:
            raise ValueError(f"vectors.layer is {self.layer}, but the model has {layers} blocks; give 0 to {layers}")

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Vectors (sequences × hidden)."""
        states = hidden.hidden_states[self.layer]
        return states[:, 0] if self.pooling == "first" else mean_pool(states, batch["attention_mask"])


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of `states` (examples × tokens × hidden) over the tokens that are no padding, in fp32."""
    mask = mask.unsqueeze(-1)
    vectors: Tensor = (states.float() * mask).sum(1) / mask.sum(1)
    return vectors


def retrieval_layer(layers: int) -> int:
    """Of so many blocks the one that stands at the same share of the depth as the reference's does in XLM-R Large."""
    return max(1, round(DEPTH * layers))


class Retrieval(TaskType):
    name = "retrieval"

    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """All queries, then all candidates, in the order of the examples."""
        texts = examples["query"][:] + examples["candidate"][:]
        sequences = encoder(texts, truncation=True, max_length=max_length)
        return [{**inputs, "example": i % len(examples)} for i, inputs in enumerate(sequences)]

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return LayerPooling(backbone, task.vectors or PoolingConfig())

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError("retrieval by pooled states is evaluated, never trained")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(output.float().cpu().numpy())

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """The row number of the sentence that is nearest to each one of the side that asks."""
        vectors = np.stack(list(outputs.values))
        queries, candidates = vectors[: len(outputs.examples)], vectors[len(outputs.examples) :]
        if task.vectors is not None and task.vectors.direction == "to-english":
            queries, candidates = candidates, queries
        return dict(zip(outputs.examples["id"][:], nearest_neighbours(queries, candidates).tolist(), strict=True))

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        return retrieval_scores([predictions[i] for i in examples["id"][:]])
