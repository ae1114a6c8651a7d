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
    place: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda batch: batch,
) -> list[Any]:
    """Run the model over `features`; one post-processed output per feature, in their order.

    Args:
        forward: a micro-batch (int64, sequences x subwords) -> the head's output.
        modeling: pads micro-batches, and makes of an output one value per feature.
        tokens: cap on rows x longest row of a micro-batch.
        gather: collective: the value of every worker, on every worker; called once.
        place: puts a micro-batch on the device, where it is run and post-processed.
        rank, workers: which of the workers this one is, of how many; each takes its share.
    """
    micro_batches = split_micro_batches([len(feature["input_ids"]) for feature in features], workers, tokens)
    mine: dict[int, Any] = {}
    with torch.no_grad():
        for rows in shard_for_rank(micro_batches, rank, workers):
            # Under ZeRO-3 every forward pass is collective, so a worker without rows takes one along for company.
            batch = place(modeling.collate([features[i] for i in rows or [0]], pad_id))
            raw = modeling.postprocess(forward(batch), batch)
            mine.update(zip(rows, raw, strict=False))
    everything: dict[int, Any] = {}
    for one in gather(mine):
        everything.update(one)
    return [everything[i] for i in range(len(features))]
