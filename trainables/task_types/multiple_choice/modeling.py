"""Multiple choice: prompt and choice as a pair for each choice, one score each, a softmax over the choices.

Encoding and head are those of the study's toolkit (jiant): what is too long loses tokens from its front, so the end of
the prompt, which asks, and the end of the choice stay. Rows may differ in their number of choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from trainables.metrics.by_parts import part_scores
from trainables.metrics.collapse_detection import ChanceLevel
from trainables.models.backbones.modeling import Backbone
from trainables.models.heads import ClassifierHead
from trainables.models.inputs import InputEncoder, Inputs, concatenated
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, SeveralSequences
from trainables.task_types.multiple_choice import schema

UNLABELLED = -1


class MultipleChoice(SeveralSequences):
    type: schema.MultipleChoice

    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One feature per row, a sequence per choice; each of them is at most `max_length` long.

        Raises ValueError where a row has fewer than two choices or its label is not the position of one.
        """
        if not len(examples):
            return []
        choices = examples["choices"][:]
        prompts = encoder.subwords(examples["prompt"][:])
        endings = iter(encoder.subwords([choice for row in choices for choice in row]))
        features = []
        columns = zip(examples["id"][:], prompts, choices, examples["label"][:], strict=True)
        for i, (name, prompt, row, label) in enumerate(columns):
            if len(row) < 2 or label not in ("", *map(str, range(len(row)))):
                raise ValueError(
                    f'{task.name}, row "{name}": {len(row)} choices and the label "{label}"; there must be two choices '
                    'or more, and the label is the position of one, from "0"'
                )
            rows = [_joined(prompt, next(endings), encoder, max_length) for _ in row]
            features.append(
                {
                    **concatenated(rows),
                    "lengths": [len(sequence["input_ids"]) for sequence in rows],
                    "example": i,
                    "label": int(label) if label else UNLABELLED,
                }
            )
        return features

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return ClassifierHead(backbone.shape.hidden, 1, dropout)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        return {
            **super().collate(features, pad_id),
            "choices": torch.tensor([len(feature["lengths"]) for feature in features]),
            "labels": torch.tensor([feature["label"] for feature in features]),
        }

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        return F.cross_entropy(_by_row(output, batch), batch["labels"], reduction="sum")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return _by_row(output, batch).argmax(-1).tolist()

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """The position of a choice, as the labels have it."""
        ids = outputs.examples["id"][:]
        return {ids[i]: str(best) for i, best in zip(outputs.features["example"][:], outputs.values, strict=True)}

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        gold = examples["label"][:]
        if not all(gold):
            return {}
        found = [self.type.chosen(predictions[i]) for i in examples["id"][:]]
        return part_scores(found, gold, *self.type.counted_under(examples))

    def chance(self, train: Dataset, dev: Dataset) -> ChanceLevel | None:
        of_train, of_dev = ([len(lengths) for lengths in rows["lengths"][:]] for rows in (train, dev))
        return ChanceLevel.of_choices(of_train, of_dev, dev["label"][:])


def _joined(prompt: list[int], choice: list[int], encoder: InputEncoder, max_length: int) -> Inputs:
    """Prompt and choice as one sequence. The prompt is cut first; only a choice too long by itself is cut as well."""
    room = max_length - len(encoder.pair)
    choice = choice[max(0, len(choice) - room) :]
    prompt = prompt[max(0, len(prompt) - (room - len(choice))) :]
    return encoder.join(prompt, choice)


def _by_row(output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Scores (sequences × 1) as rows × most choices; where a row has fewer choices, minus infinity."""
    rows = output.squeeze(-1).split(batch["choices"].tolist())
    return pad_sequence(list(rows), batch_first=True, padding_value=float("-inf"))
