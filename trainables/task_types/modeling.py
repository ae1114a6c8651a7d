"""The half of a task type with torch: how its rows become inputs, which head reads them, how outputs become scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from trainables.metrics.collapse_detection import ChanceLevel
from trainables.models.backbones import INPUT_NAMES
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder, Inputs
from trainables.models.packing import PLACES
from trainables.recipe.execution import Execution
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.base import Row, TaskType

Feature = dict[str, Any]
"""One encoded row: the backbone's inputs (`input_ids`, maybe `token_type_ids`), `example` (its row in the examples) and
what the task type adds."""
Prediction = Any
"""What a task predicts for one example, as JSON: a label, a list of tags, a text, an index."""


@dataclass(frozen=True)
class ModelOutputs:
    """What the model said of one split and language."""

    values: Sequence[Any]
    """`TaskModeling.postprocess` of each feature."""
    features: Dataset
    examples: Dataset
    device: torch.device | str = "cpu"
    """Where large computations on `values` may be done."""


class TaskModeling(ABC):
    """How a task type is learnt. Stateless: everything that varies is in the task, the features or the head.

    Args:
        type: the half without torch.
    """

    def __init__(self, type: TaskType) -> None:
        self.type = type

    @abstractmethod
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """Encode `examples` (`TaskType.columns`) into features of at most `max_length` subwords."""

    def encode_behind(
        self, shots: Sequence[Row], examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int
    ) -> list[Feature]:
        """The same behind rows with their answers, of which each example takes those that its task wants."""
        raise NotImplementedError(f"{self.type.name}: its rows stand behind no others")

    def remarks(self, features: Sequence[Feature]) -> list[str]:
        """What became of the features of a split that is to be known of its scores, a line each."""
        return []

    def counted(self, features: Sequence[Feature]) -> dict[str, int]:
        """What is to be known of the features of a split besides how many they are: counts by the names that
        `trainables.steps.records.SplitCounts` has for them."""
        return {}

    @abstractmethod
    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        """A new head. Called with the backbone's output and the batch, it gives what `loss` and `postprocess` read."""

    def new_head(self, backbone: Backbone, task: TaskSpec, dropout: float, execution: Execution) -> nn.Module:
        """The same, of a type whose heads hold models that lie somewhere."""
        return self.head(backbone, task, dropout)

    def add_noise(
        self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase, rng: np.random.Generator
    ) -> list[Feature]:
        """`features` of one global batch with whatever noise training adds, drawn from `rng` alone."""
        return list(features)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """A padded micro-batch. Adds the task type's targets to the backbone's inputs and `attention_mask`."""
        return pad_inputs(features, pad_id)

    def sequences(self, features: Sequence[Feature]) -> list[tuple[int, int]]:
        """Of each sequence of a collated micro-batch: the place of its feature, and its number within the feature."""
        return [(place, 0) for place in range(len(features))]

    def num_loss_terms(self, features: Sequence[Feature]) -> int:
        """How many terms the loss of `features` is a sum of: over a global batch, what the mean divides by."""
        return len(features)

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Of a type whose loss is over the batch (`TaskType.loss_over_batch`): what `loss` reads besides the head's
        output of all rows of a global batch, in their order."""
        return {}

    @abstractmethod
    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """The *sum* of the loss terms of a micro-batch: a scalar, in nats."""

    @abstractmethod
    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """One picklable value per feature of the batch, on the CPU, from which `predict` works."""

    @abstractmethod
    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """Prediction of each example by its id.

        `context`: outputs that a prediction may need besides its own row's: of "dev" rows in the same language, and of
        the "pool" that is searched; in evaluation only, and only where the task has such rows.
        """

    @abstractmethod
    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """Metrics in percent (losses in nats); empty where the examples carry no labels."""

    def chance(self, train: Dataset, dev: Dataset) -> ChanceLevel | None:
        """What a model that has learnt nothing scores in `accuracy` on the features `dev`; None where a score does not
        tell it from a weak one. `TaskType.knows_chance` says which types can tell."""
        return None


class SeveralSequences(TaskModeling):
    """Features that are several sequences, read apart: `input_ids` holds one after the other, `lengths` says where
    they end. A micro-batch holds all sequences of its first feature, then those of the next."""

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        return pad_inputs([sequence for feature in features for sequence in split_sequences(feature)], pad_id)

    def sequences(self, features: Sequence[Feature]) -> list[tuple[int, int]]:
        return [(place, number) for place, feature in enumerate(features) for number in range(len(feature["lengths"]))]


def size_of(feature: Feature) -> int:
    """What a feature costs: its subwords, and the patches of its image. By it batches are cut into micro-batches."""
    return len(feature["input_ids"]) + int(feature.get("patches", 0))


def split_sequences(feature: Feature) -> list[Inputs]:
    """The sequences of a feature that is several."""
    return [inputs_between(feature, end - length, end) for end, length in _ends(feature["lengths"])]


def _ends(lengths: Sequence[int]) -> Iterable[tuple[int, int]]:
    return zip(accumulate(lengths), lengths, strict=True)


def inputs_between(feature: Feature, start: int, end: int | None = None) -> Inputs:
    """The backbone's inputs of a feature from one subword to another."""
    return {name: feature[name][start:end] for name in INPUT_NAMES if name in feature}


def pad_inputs(rows: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
    """The backbone's inputs of `rows` (rows × longest), the mask of what is no padding, and its places."""
    ids = [row["input_ids"] for row in rows]
    batch = {"input_ids": pad(ids, pad_id), "attention_mask": pad([[1] * len(row) for row in ids], 0)}
    if min(map(len, ids)) < batch["input_ids"].shape[1]:
        batch[PLACES] = batch["attention_mask"].flatten().nonzero().flatten()
    if "token_type_ids" in rows[0]:
        batch["token_type_ids"] = pad([row["token_type_ids"] for row in rows], 0)
    return batch


def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """`rows` as an int64 tensor (rows × longest), filled up on the right with `value`."""
    width = max(len(row) for row in rows)
    out = torch.full((len(rows), width), value, dtype=torch.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.as_tensor(row, dtype=torch.int64)
    return out
