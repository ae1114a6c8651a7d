"""The forward pass over many features, in the order that pads least; results in the order of the features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from trainables.batching.micro_batches import shard_for_rank, split_micro_batches
from trainables.task_types.modeling import Feature, size_of


class Batching(Protocol):
    """How features become micro-batches, and what is kept of an output: a `TaskModeling` is one."""

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """A padded micro-batch."""

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """One picklable value per feature of the batch, on the CPU."""


def infer(
    forward: Callable[[dict[str, Tensor]], Tensor],
    features: Sequence[Feature],
    batching: Batching,
    pad_id: int,
    tokens: int,
    gather: Callable[[Any], list[Any]] = lambda value: [value],
    rank: int = 0,
    workers: int = 1,
    place: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda batch: batch,
    complete: Callable[[Sequence[Feature]], Sequence[Feature]] = list,
) -> list[Any]:
    """Run the model over `features`; one post-processed output per feature, in their order.

    Args:
        forward: a micro-batch (int64, sequences x subwords) -> the head's output.
        batching: pads micro-batches, and makes of an output one value per feature.
        tokens: cap on rows x largest row of a micro-batch (`size_of`).
        gather: collective: the value of every worker, on every worker; called once.
        place: puts a micro-batch on the device, where it is run and post-processed.
        complete: adds to the features of a micro-batch what is kept apart from them (`trainables.data.images`).
        rank, workers: which of the workers this one is, of how many; each takes its share.
    """
    micro_batches = split_micro_batches([size_of(feature) for feature in features], workers, tokens)
    mine: dict[int, Any] = {}
    with torch.no_grad():
        for rows in shard_for_rank(micro_batches, rank, workers):
            # Under ZeRO-3 every forward pass is collective, so a worker without rows takes one along for company.
            batch = place(batching.collate(complete([features[i] for i in rows or [0]]), pad_id))
            raw = batching.postprocess(forward(batch), batch)
            mine.update(zip(rows, raw, strict=False))
    everything: dict[int, Any] = {}
    for one in gather(mine):
        everything.update(one)
    return [everything[i] for i in range(len(features))]
