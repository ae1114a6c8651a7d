"""Dense retrieval: a dual encoder finds what answers a query in a pool of all languages (LAReQA, Mewsli-X).

Encoder and loss are those of the XTREME-R reference (`third_party/bert.py` in google-research/xtreme; LAReQA:
arXiv 2004.05484): one encoder for both sides; the last state of the first token through a dense layer and tanh, at unit
length; cross-entropy over the cosines of a query with the candidates of its group, times 100. There the factor is a
parameter, which at Adam's step of one learning rate hardly leaves its first value; here it is a constant.

The reference takes as negatives what one device holds at once: 4 pairs for LAReQA and 8 for Mewsli-X, of batches of 16
and 32. Here they are the other pairs of a group of 16 rows of the batch, whatever the devices are. A candidate that is
also another row's right answer is no negative of it.
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

from trainables.metrics.mining import nearest
from trainables.metrics.ranking import mean_average_precision
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder, concatenated
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.dense_retrieval.schema import DEPTH
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, SeveralSequences, split_sequences

SCALE = 100.0
"""Inverse temperature of the cosines."""
QUERY, CANDIDATE = 0, 1


class UnitVectorHead(nn.Module):
    """Dense and tanh on the first token, at unit length: BERT's pooler, as the reference has it."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Unit vectors (sequences × hidden)."""
        vectors: Tensor = F.normalize(torch.tanh(self.dense(hidden.sentence)).float(), dim=-1)
        return vectors


class DenseRetrieval(SeveralSequences):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One feature per row: its query and its candidate, or the one that it has; each cut at `max_length`."""
        sides = [examples["query"][:], examples["candidate"][:]]
        sequences = [encoder(side, truncation=True, max_length=max_length) for side in sides]
        features = []
        for i, (texts, rows) in enumerate(zip(zip(*sides, strict=True), zip(*sequences, strict=True), strict=True)):
            present = [side for side in (QUERY, CANDIDATE) if texts[side]] or [QUERY]
            features.append(
                {
                    **concatenated(rows[side] for side in present),
                    "lengths": [len(rows[side]["input_ids"]) for side in present],
                    "example": i,
                }
            )
        return features

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return UnitVectorHead(backbone.shape.hidden)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """`same`, of pairs alone (rows × 2): numbers that are equal where queries, and where candidates, are."""
        batch = {**super().collate(features, pad_id), "lengths": torch.tensor([len(f["lengths"]) for f in features])}
        if all(len(feature["lengths"]) == 2 for feature in features):
            numbers: dict[tuple[int, ...], int] = {}
            texts = ((tuple(inputs["input_ids"]) for inputs in split_sequences(feature)) for feature in features)
            batch["same"] = torch.tensor([[numbers.setdefault(text, len(numbers)) for text in pair] for pair in texts])
        return batch

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        pairs = output.unflatten(0, (-1, 2))
        total = output.new_zeros(())
        for group in range(0, len(pairs), self.type.contrastive_group_size):
            rows = slice(group, group + self.type.contrastive_group_size)
            cosines = SCALE * pairs[rows, QUERY] @ pairs[rows, CANDIDATE].T
            same = batch["same"][rows]
            # Right answers of a query beside its own: they are neither wrong nor what this row asks for.
            others = (same[:, None] == same[None]).any(-1).fill_diagonal_(False)
            right = torch.arange(len(cosines), device=cosines.device)
            total = total + F.cross_entropy(cosines.masked_fill(others, float("-inf")), right, reduction="sum")
        return total

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """The vectors of each row's sequences (1 or 2 × hidden)."""
        return [row.numpy() for row in output.float().cpu().split(batch["lengths"].tolist())]

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """The ids of the candidates nearest to each query, the nearest first.

        They are searched for in the pool; without one, as on dev rows, among the rows' own candidates, of which equal
        ones count as one, under the id of the first row that has it.
        """
        queries = np.stack([row[0] for row in outputs.values])
        if "pool" in context:
            pool = context["pool"]
            names, vectors = pool.examples["id"][:], np.stack([row[0] for row in pool.values])
        else:
            first = _first_rows(outputs.examples)
            if "" in first:
                raise ValueError(f"{task.name}: these rows have no candidates of their own, and there is no pool")
            names = [outputs.examples["id"][row] for row in first.values()]
            vectors = np.stack([outputs.values[row][1] for row in first.values()])
        found = nearest(queries, vectors, DEPTH, outputs.device)
        return {i: [names[place] for place in row] for i, row in zip(outputs.examples["id"][:], found, strict=True)}

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`map@20`: mean average precision at 20 against `matches` or, where rows have candidates, against these."""
        ids, matches = examples["id"][:], examples["matches"][:]
        if any(examples["candidate"][:]):
            matches = _candidates_of(examples)
        if not all(matches):
            return {}
        scores = mean_average_precision(predictions, dict(zip(ids, matches, strict=True)), DEPTH)
        return {"map@20": scores[f"map@{DEPTH}"]}


def _first_rows(examples: Dataset) -> dict[str, int]:
    """The first row of each candidate."""
    first: dict[str, int] = {}
    for row, candidate in enumerate(examples["candidate"][:]):
        first.setdefault(candidate, row)
    return first


def _candidates_of(examples: Dataset) -> list[list[str]]:
    """Of each row the ids of the candidates that answer its query, as `DenseRetrieval.predict` names them."""
    first, ids = _first_rows(examples), examples["id"][:]
    answers: dict[str, dict[str, None]] = defaultdict(dict)
    for query, candidate in zip(examples["query"][:], examples["candidate"][:], strict=True):
        answers[query][ids[first[candidate]]] = None
    return [list(answers[query]) for query in examples["query"][:]]
