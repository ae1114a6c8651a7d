"""Multiple choice by likelihood: the log-likelihood of each answer behind its prompt, summed over its subwords.

Subwords are cut as lm-evaluation-harness cuts them (`_encode_pair` of its `api/model.py`, 0.4.13): prompt and answer
are encoded together, and what the prompt alone has in subwords is the prompt's. Answers that differ in their last
subword alone (letters) are one sequence, read once. Logits are computed where an answer's subwords are predicted, and
nowhere else: a vocabulary has up to 262,144 of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn

from trainables.metrics.by_parts import part_scores
from trainables.metrics.classification import accuracy_scores
from trainables.metrics.collapse_detection import ChanceLevel
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder, concatenated
from trainables.recipe.likelihood import Likelihood
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.choice_likelihood import schema
from trainables.task_types.choice_likelihood.encoding import Encoded, encoded_rows
from trainables.task_types.choice_likelihood.head import LikelihoodHead
from trainables.task_types.choice_likelihood.prompts import Row, answers_of
from trainables.task_types.choice_likelihood.schema import CHOSEN, LIKELIHOODS
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, SeveralSequences

UNLABELLED = -1


class ChoiceLikelihood(SeveralSequences):
    type: schema.ChoiceLikelihood

    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """As `encode_behind`, without shots."""
        return self.encode_behind((), examples, encoder, task, max_length)

    def encode_behind(
        self, shots: Sequence[Row], examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int
    ) -> list[Feature]:
        """One feature per row: a sequence for each different beginning of an answer.

        `of` is the sequence that each answer ends, `counts` how many subwords it has, `targets` all of them, one answer
        after the other; `characters` and `bytes` are the lengths of its text; `cut` says whether the prompt lost its
        beginning, `alike` whether two answers have the same subwords. Raises ValueError where a row cannot be asked,
        or does not fit with its shots.
        """
        return [
            _feature(i, row, one)
            for i, (row, one) in enumerate(encoded_rows(shots, examples.to_list(), encoder, task, max_length))
        ]

    def remarks(self, features: Sequence[Feature]) -> list[str]:
        said = {
            "are longer than max_length: their prompts lose their beginning": [one["cut"] for one in features],
            "have answers of the same subwords, whose likelihoods are equal": [one["alike"] for one in features],
        }
        return [f"{sum(which)} of {len(features)} rows {what}" for what, which in said.items() if any(which)]

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return LikelihoodHead(backbone, task.likelihood or Likelihood())

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """Adds `wanted` (P): places, among all of the micro-batch, whose next subword is predicted; `at` (T): for each
        subword of an answer the number of its place; `targets` (T): the subword; `counts` (C): subwords of each answer;
        `characters`, `bytes` (C); `choices` (rows): answers of each row; `labels` (rows)."""
        batch = super().collate(features, pad_id)
        width = batch["input_ids"].shape[1]
        number: dict[int, int] = {}
        at, sequence = [], 0
        for feature in features:
            for of, count in zip(feature["of"], feature["counts"], strict=True):
                end = (sequence + of) * width + feature["lengths"][of]
                at += [number.setdefault(place, len(number)) for place in range(end - count, end)]
            sequence += len(feature["lengths"])
        columns = {"wanted": list(number), "at": at, "choices": [len(feature["of"]) for feature in features]}
        for name in ("targets", "counts", "characters", "bytes"):
            columns[name] = [value for feature in features for value in feature[name]]
        columns["labels"] = [feature["label"] for feature in features]
        return batch | {name: torch.tensor(values) for name, values in columns.items()}

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        terms = output[:, 2].split(batch["choices"].tolist())
        return -torch.stack([row[label] for row, label in zip(terms, batch["labels"], strict=True)]).sum()

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Of each row the log-likelihoods of its answers, and the scores that are compared."""
        rows = output[:, :2].double().cpu().split(batch["choices"].tolist())
        return [row.T.tolist() for row in rows]

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """As `schema.ChoiceLikelihood` says; of equal scores the first counts, as of lm-evaluation-harness."""
        ids = outputs.examples["id"][:]
        return {
            ids[i]: {CHOSEN: _best(scores), LIKELIHOODS: sums}
            for i, (sums, scores) in zip(outputs.features["example"][:], outputs.values, strict=True)
        }

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`accuracy` by `Likelihood.normalise`, with that of parts and subjects; where texts are scored also what
        other ways of normalising give: `accuracy_sum`, `accuracy_characters`, `accuracy_bytes`."""
        gold = examples["label"][:]
        if not all(gold):
            return {}
        found = [predictions[i] for i in examples["id"][:]]
        chosen = [self.type.chosen(one) for one in found]
        scores = part_scores(chosen, gold, *self.type.counted_under(examples))
        if (way := task.likelihood or Likelihood()).answers == "texts":
            for name, lengths in _normalised(examples, way).items():
                pairs = zip((one[LIKELIHOODS] for one in found), lengths, strict=True)
                best = [_best([a / b for a, b in zip(*pair, strict=True)]) for pair in pairs]
                scores[f"accuracy_{name}"] = accuracy_scores(best, gold)["accuracy"]
        return scores

    def chance(self, train: Dataset, dev: Dataset) -> ChanceLevel | None:
        of_train, of_dev = ([len(counts) for counts in rows["counts"][:]] for rows in (train, dev))
        return ChanceLevel.of_choices(of_train, of_dev, dev["label"][:])


def _feature(number: int, row: Row, one: Encoded) -> Feature:
    return {
        **concatenated([{"input_ids": sequence} for sequence in one.sequences]),
        "lengths": [len(sequence) for sequence in one.sequences],
        "example": number,
        "label": int(row["label"]) if row["label"] else UNLABELLED,
        "of": one.of,
        "counts": [len(answer) for answer in one.targets],
        "targets": [subword for answer in one.targets for subword in answer],
        "characters": [len(answer) for answer in one.asked.answers],
        "bytes": [len(answer.encode()) for answer in one.asked.answers],
        "cut": one.cut,
        "alike": len({tuple(answer) for answer in one.targets}) < len(one.targets),
    }


def _best(scores: Sequence[float]) -> str:
    return str(max(range(len(scores)), key=scores.__getitem__))


def _normalised(examples: Dataset, way: Likelihood) -> dict[str, list[list[int]]]:
    """Of each row what the log-likelihood of each answer is divided by, by the end of a metric's name."""
    answers = [answers_of(row, way) for row in examples.to_list()]
    return {
        "sum": [[1 for _ in row] for row in answers],
        "characters": [[len(one) for one in row] for row in answers],
        "bytes": [[len(one.encode()) for one in row] for row in answers],
    }
