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
from trainables.models.pooling import LayerPooling
from trainables.recipe.tasks import PoolingConfig, TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling


class Retrieval(TaskModeling):
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
