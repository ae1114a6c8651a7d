"""How the batch of one update is cut into micro-batches and shared among workers. Without effect on numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def split_micro_batches(lengths: Sequence[int], workers: int, tokens: int) -> list[list[int]]:
    """Positions of a batch in micro-batches, a multiple of `workers` of them; worker r takes every workers-th from r.

    Rows are sorted by length, so that little is padded; rows × longest row stays within `tokens` (a single longer row
    is a micro-batch of its own). Every worker must take equally many micro-batches, so the largest are split until
    that holds; an empty one stands where there are too few rows.
    """
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    micro_batches: list[list[int]] = []
    for i in order:
        # In ascending order, the row to be added is the longest of its part.
        if micro_batches and (len(micro_batches[-1]) + 1) * lengths[i] <= tokens:
            micro_batches[-1].append(i)
        else:
            micro_batches.append([i])
    while len(micro_batches) % workers:
        largest = max(range(len(micro_batches)), key=lambda p: (len(micro_batches[p]), -p))
        if len(micro_batches[largest]) < 2:
            micro_batches.append([])
            continue
        whole = micro_batches[largest]
        micro_batches[largest : largest + 1] = [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
    return micro_batches


def split_micro_batch_groups(
    lengths: Sequence[int], workers: int, tokens: int, contrastive_group_size: int
) -> list[list[int]]:
    """As `cut`, but runs of `together` rows stay whole and in order."""
    if contrastive_group_size == 1:
        return split_micro_batches(lengths, workers, tokens)
    runs = [
        list(range(first, min(first + contrastive_group_size, len(lengths))))
        for first in range(0, len(lengths), contrastive_group_size)
    ]
    padded = [len(run) * max(lengths[i] for i in run) for run in runs]
    return [sorted(i for run in part for i in runs[run]) for part in split_micro_batches(padded, workers, tokens)]


def shard_for_rank(micro_batches: Sequence[T], worker: int, workers: int) -> list[T]:
    """The micro-batches of one worker."""
    return list(micro_batches[worker::workers])
