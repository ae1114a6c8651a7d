"""What masked and causal language modelling have in common: rows of text or of translation pairs, losses and hits of
the subwords that are predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset
from torch import Tensor
from torch.nn import functional as F

from trainables.models.inputs import InputEncoder, Inputs
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling, pad

IGNORED = -100
"""The label of a place where nothing is predicted."""


class LanguageModelling(TaskModeling):
    """Features of a batch have `labels`: of each place the subword that is predicted there, or `IGNORED`."""

    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One text for plain rows, a pair for translations."""
        texts, translations = examples["text"][:], examples["translation"][:]
        encoded: dict[int, Inputs] = {}
        for pair in (False, True):
            rows = [i for i, translation in enumerate(translations) if bool(translation) == pair]
            sides = [[texts[i] for i in rows], [translations[i] for i in rows]] if pair else [[texts[i] for i in rows]]
            sequences = encoder(*sides, truncation="longest_first", max_length=max_length)
            encoded.update(zip(rows, sequences, strict=True))
        return [{**encoded[i], "example": i, "pair": bool(translations[i])} for i in range(len(texts))]

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        labels = pad([feature["labels"] for feature in features], IGNORED)
        return {**super().collate(features, pad_id), "labels": labels}

    def num_loss_terms(self, features: Sequence[Feature]) -> int:
        return sum(label != IGNORED for feature in features for label in feature["labels"])

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        labels = batch["labels"]
        return F.cross_entropy(output, labels[labels != IGNORED], reduction="sum")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Loss (nats), hits and number of the predicted subwords of each row."""
        where = batch["labels"] != IGNORED
        gold = batch["labels"][where]
        losses = F.cross_entropy(output, gold, reduction="none").tolist()
        hits = (output.argmax(-1) == gold).tolist()
        out, at = [], 0
        for count in where.sum(-1).tolist():
            out.append((sum(losses[at : at + count]), sum(hits[at : at + count]), count))
            at += count
        return out

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        ids = outputs.examples["id"][:]
        return {ids[i]: value for i, value in zip(outputs.features["example"][:], outputs.values, strict=True)}

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`loss` in nats per predicted subword and `accuracy` in percent."""
        count = sum(n for _, _, n in predictions.values())
        loss = sum(value for value, _, _ in predictions.values()) / count
        return {"loss": loss, "accuracy": 100 * sum(hits for _, hits, _ in predictions.values()) / count}
