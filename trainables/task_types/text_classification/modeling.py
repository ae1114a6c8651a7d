"""Classification of texts, or of pairs of texts, with one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.metrics.by_parts import part_scores
from trainables.metrics.classification import macro_f1
from trainables.metrics.collapse_detection import ChanceLevel
from trainables.metrics.overlap import overlap_scores
from trainables.models.backbones.modeling import Backbone
from trainables.models.heads import ClassifierHead
from trainables.models.inputs import InputEncoder
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling
from trainables.task_types.text_classification import schema

UNLABELLED = -1


class TextClassification(TaskModeling):
    type: schema.TextClassification

    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """What is too long loses tokens from its end: a text from its own, a pair from that of its longer text."""
        if not len(examples):
            return []
        texts = [examples[name] for name in self.type.texts]
        encoded = encoder(*texts, truncation="longest_first", max_length=max_length)
        number = {label: i for i, label in enumerate(task.labels)}
        return [
            {
                **inputs,
                "example": i,
                "label": number.get(label, UNLABELLED),
            }
            for i, (inputs, label) in enumerate(zip(encoded, examples["label"][:], strict=True))
        ]

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return ClassifierHead(backbone.shape.hidden, len(task.labels), dropout)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        labels = torch.tensor([feature["label"] for feature in features])
        return {**super().collate(features, pad_id), "labels": labels}

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        return F.cross_entropy(output, batch["labels"], reduction="sum")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return output.argmax(-1).tolist()

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        ids = outputs.examples["id"][:]
        return {
            ids[i]: task.labels[label] for i, label in zip(outputs.features["example"][:], outputs.values, strict=True)
        }

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`accuracy`; of two labels the `f1` of the last one, which is the positive one (QQP); of single texts also
        `macro_f1`, the mean F1 of the labels that they have; of parts of the test set `accuracy/PART`."""
        gold = examples["label"][:]
        if not all(gold):
            return {}
        found = [task.counted(predictions[i]) for i in examples["id"][:]]
        scores = part_scores(found, gold, (), self.type.parts_of(examples))
        if len(task.labels) == 2:
            ours, theirs = ({i for i, label in enumerate(side) if label == task.labels[1]} for side in (found, gold))
            scores["f1"] = overlap_scores(ours, theirs)["f1"]
        if self.type.macro_f1:
            scores["macro_f1"] = macro_f1(found, gold)
        return scores

    def chance(self, train: Dataset, dev: Dataset) -> ChanceLevel | None:
        return ChanceLevel.of_labels(train["label"][:], dev["label"][:])
