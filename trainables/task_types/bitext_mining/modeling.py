"""Bitext mining without training (BUCC): which sentences of two texts are translations of each other.

Vectors as in retrieval, mined with a ratio margin (`metrics.mining`). As in the XTREME reference, sentences that stand
several times on a side are mined as one and then left out, because no id is theirs alone; and the least margin that
makes a pair is tuned for the best F1 on the dev rows of the language, and applied to the test rows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor, nn

from trainables.metrics.mining import mine, tuned_threshold
from trainables.metrics.overlap import overlap_scores
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder
from trainables.models.pooling import LayerPooling
from trainables.recipe.tasks import PoolingConfig, TaskSpec
from trainables.task_types.bitext_mining.schema import partners
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling

TUNED = ""
"""The id under which a prediction says how its threshold came about: no row has it."""
Pairs = dict[tuple[str, str], float]
log = logging.getLogger(__name__)


class BitextMining(TaskModeling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One feature per sentence of either side."""
        sequences = encoder(examples["text"][:], truncation=True, max_length=max_length)
        return [{**inputs, "example": i} for i, inputs in enumerate(sequences)]

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return LayerPooling(backbone, task.vectors or PoolingConfig())

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError("bitext mining is evaluated, never trained")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(output.float().cpu().numpy())

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """`{"match", "score"}` of each foreign sentence that has a translation: its id, and the margin of the pair.

        Under the id `TUNED` stands the `threshold`, the `dev_f1` that it gave (percent), and whether it is the rows'
        `own`: without other dev rows it is tuned on the very rows that are predicted, and their F1 is then the best
        that any threshold could give. Where nothing is labelled the threshold is 0 and all mined pairs are kept.
        """
        found = _mined(outputs)
        dev = context.get("dev", outputs)
        own = (
            dev.examples["id"][:] == outputs.examples["id"][:]
            and dev.examples["text"][:] == outputs.examples["text"][:]
        )
        gold = _gold(dev.examples)
        threshold, f1 = tuned_threshold(list((found if own else _mined(dev)).items()), gold) if gold else (0.0, None)
        log.info("%s: threshold %.4f, F1 %s on %s rows", task.name, threshold, f1, "its own" if own else "dev")
        tuned = {"threshold": threshold, "dev_f1": f1, "own": own}
        kept = {ours: {"match": theirs, "score": s} for (ours, theirs), s in found.items() if s >= threshold}
        return {TUNED: tuned, **kept}

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`f1`, `precision` and `recall` of the pairs; with them `threshold` (a margin, no percentage), `dev_f1`, and
        `own_threshold`, which is 1 where the threshold was tuned on these rows: then the F1 is no test score."""
        gold = _gold(examples)
        if not gold:
            return {}
        tuned = predictions[TUNED]
        pairs = {(ours, found["match"]) for ours, found in predictions.items() if ours != TUNED}
        told = {"threshold": tuned["threshold"], "dev_f1": tuned["dev_f1"]} if tuned["dev_f1"] is not None else {}
        return {**overlap_scores(pairs, gold), **told, "own_threshold": float(tuned["own"])}


def _mined(outputs: ModelOutputs) -> Pairs:
    """Margin of each mined pair (foreign id, English id), the highest first."""
    sides, ids, texts = (outputs.examples[name][:] for name in ("side", "id", "text"))
    places: dict[str, dict[str, list[int]]] = {"foreign": {}, "english": {}}
    for row, (side, text) in enumerate(zip(sides, texts, strict=True)):
        places[side].setdefault(text, []).append(row)
    rows = {side: list(of_text.values()) for side, of_text in places.items()}
    if not (rows["foreign"] and rows["english"]):
        raise ValueError(
            f"there are {len(rows['foreign'])} foreign and {len(rows['english'])} English sentences to mine"
        )
    ours, theirs = (np.stack([outputs.values[same[0]] for same in rows[side]]) for side in ("foreign", "english"))
    return {
        (ids[rows["foreign"][i][0]], ids[rows["english"][j][0]]): margin
        for i, j, margin in mine(ours, theirs, device=outputs.device)
        if len(rows["foreign"][i]) == len(rows["english"][j]) == 1
    }


def _gold(examples: Dataset) -> set[tuple[str, str]]:
    """The right pairs (foreign id, English id)."""
    matches = zip(examples["id"][:], examples["match"][:], strict=True)
    return {(ours, theirs) for ours, match in matches for theirs in partners(match)}
