"""The forward pass over many features, in the order that pads least; results in the order of the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.batching.micro_batches import shard_for_rank, split_micro_batches
from trainables.task_types.modeling import Feature, TaskModeling


def infer(
    forward: Callable[[dict[str, Tensor]], Tensor],
    features: Sequence[Feature],
    modeling: TaskModeling,
    pad_id: int,
    tokens: int,
    gather: Callable[[Any], list[Any]] = lambda value: [value],
    rank: int = 0,
    workers: int = 1,
) -> list[Any]:
    """`TaskModeling.postprocess` of each feature. Each worker takes its share, and `gather` brings all to all.

    `tokens` bounds rows × longest row of a micro-batch.
    """
    parts = split_micro_batches([len(feature["input_ids"]) for feature in features], workers, tokens)
    mine: dict[int, Any] = {}
    with torch.no_grad():
        for part in shard_for_rank(parts, rank, workers):
            # Under ZeRO-3 every forward pass is collective, so a worker without rows takes one along for company.
            batch = modeling.collate([features[i] for i in part or [0]], pad_id)
            raw = modeling.postprocess(forward(batch), batch)
            mine.update(zip(part, raw, strict=False))
    everything: dict[int, Any] = {}
    for one in gather(mine):
        everything.update(one)
    return [everything[i] for i in range(len(features))]
