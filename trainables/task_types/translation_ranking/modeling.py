"""Translation ranking: a sentence and its translation shall be nearer than the sentence and another's translation.

A dual encoder with in-batch negatives (Guo et al. 2018; Yang et al. 2019) on mean-pooled states: cross-entropy over the
cosines of a group of pairs, in both directions, at the block that retrieval reads and at the last, which heads read.
Rows of a group are each other's negatives, so a group is never cut, and which rows make one is part of the recipe.

Word ranking is the same at the embeddings, before any block: a sentence is a bag of words. It learns which words are
translations of each other, at a small part of the cost, and is a start for the blocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.metrics.retrieval import nearest_neighbours
from trainables.models.backbones.modeling import Backbone, mean_pool
from trainables.models.inputs import InputEncoder, concatenated
from trainables.models.pooling import retrieval_layer
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling, inputs_between, pad_inputs

SCALE = 20.0
"""Inverse temperature of the cosines."""


class LayersPooling(nn.Module):
    """Mean-pooled states of some blocks; 0 is the embeddings. No parameters."""

    wants_all_layers = True

    def __init__(self, *layers: int) -> None:
        super().__init__()
        self.layers = layers
        self.wants_embeddings_only = layers == (0,)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Unit vectors (sentences × blocks × hidden)."""
        pooled = [mean_pool(hidden.hidden_states[layer], batch["attention_mask"]) for layer in self.layers]
        return F.normalize(torch.stack(pooled, 1), dim=-1)


class TranslationRanking(TaskModeling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """Each pair as its two sentences, one after the other; plain rows give none."""
        texts, translations = examples["text"][:], examples["translation"][:]
        rows = [i for i, translation in enumerate(translations) if translation]
        if not rows:
            return []
        sides = [texts[i] for i in rows] + [translations[i] for i in rows]
        sequences = encoder(sides, truncation=True, max_length=max_length // 2)
        return [
            {**concatenated((first, second)), "first": len(first["input_ids"]), "example": i}
            for i, first, second in zip(rows, sequences[: len(rows)], sequences[len(rows) :], strict=True)
        ]

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return LayersPooling(retrieval_layer(backbone.shape.layers), backbone.shape.layers)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """All first sentences, then all second ones (2 · pairs × tokens)."""
        first = [inputs_between(feature, 0, feature["first"]) for feature in features]
        second = [inputs_between(feature, feature["first"]) for feature in features]
        return pad_inputs(first + second, pad_id)

    def sequences(self, features: Sequence[Feature]) -> list[tuple[int, int]]:
        return [(place, side) for side in (0, 1) for place in range(len(features))]

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        pairs = len(output) // 2
        total = output.new_zeros(())
        for layer in range(output.shape[1]):
            for group in range(0, pairs, self.type.contrastive_group_size):
                ours = output[group : min(group + self.type.contrastive_group_size, pairs), layer]
                theirs = output[pairs + group : pairs + min(group + self.type.contrastive_group_size, pairs), layer]
                cosines = SCALE * ours @ theirs.T
                right = torch.arange(len(cosines), device=cosines.device)
                both = F.cross_entropy(cosines, right, reduction="sum") + F.cross_entropy(
                    cosines.T, right, reduction="sum"
                )
                total = total + both / (2 * output.shape[1])
        return total

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Both vectors of each pair, at the first of the blocks (2 × hidden)."""
        pairs = len(output) // 2
        return list(torch.stack([output[:pairs, 0], output[pairs:, 0]], 1).cpu().numpy())

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """Whether the nearest translation, among those of the same corpus and language, is the sentence's own."""
        ids, owner = outputs.examples["id"][:], outputs.features["example"][:]
        groups: dict[str, list[int]] = defaultdict(list)
        for number, example in enumerate(owner):
            groups[ids[example].rpartition(":")[0]].append(number)
        right: dict[str, Prediction] = {}
        for numbers in groups.values():
            vectors = np.stack([outputs.values[number] for number in numbers])
            found = nearest_neighbours(vectors[:, 0], vectors[:, 1])
            for place, number in enumerate(numbers):
                right[ids[owner[number]]] = bool(found[place] == place)
        return right

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`accuracy` in percent, the mean over corpora and languages."""
        groups: dict[str, list[bool]] = defaultdict(list)
        for name, right in predictions.items():
            groups[name.rpartition(":")[0]].append(right)
        return {"accuracy": 100 * float(np.mean([np.mean(hits) for hits in groups.values()]))}


class WordRanking(TranslationRanking):
    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        # What takes no part must not train: weight decay would still reach it.
        for module in backbone.behind_embeddings:
            module.requires_grad_(False)
        return LayersPooling(0)
