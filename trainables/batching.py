"""Which rows a step sees, and how they are cut into micro-batches.

Two functions, on either side of the line between recipe and execution:

* `global_batch` says which rows make the batch of an optimiser step: a function of (recipe, step number) alone.
* `cut` cuts that batch for some number of workers under a token budget: execution, and of no effect on the numbers,
  because every row's loss is divided by the terms of the whole global batch wherever it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def rng_for(seed: int, *words: int) -> np.random.Generator:
    """A generator that (seed, words) alone decide."""
    return np.random.default_rng(np.random.SeedSequence([seed & 0xFFFFFFFF, *words]))


class Order:
    """The endless stream of rows that training reads: a new permutation of `rows` row numbers for each epoch."""

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        if rows < 1:
            raise ValueError("there is no row to train on")
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self._epoch = -1
        self._permutation = np.empty(0, dtype=np.int64)

    def global_batch(self, step: int) -> list[int]:
        """Row numbers of the batch of optimiser step `step` (from 0). Batches run on across epoch ends."""
        first = step * self.batch_size
        return [self._row(position) for position in range(first, first + self.batch_size)]

    def steps(self, epochs: float) -> int:
        """Optimiser steps that read `epochs` times through the rows."""
        return max(1, math.ceil(epochs * self.rows / self.batch_size))

    def _row(self, position: int) -> int:
        epoch, place = divmod(position, self.rows)
        if epoch != self._epoch:
            self._permutation = rng_for(self.seed, 1, epoch).permutation(self.rows)
            self._epoch = epoch
        return int(self._permutation[place])


def cut(lengths: Sequence[int], workers: int, tokens: int) -> list[list[int]]:
    """Positions of a batch in micro-batches, a multiple of `workers` of them; worker r takes every workers-th from r.

    Rows are sorted by length, so that little is padded; rows × longest row stays within `tokens` (a single longer row
    is a micro-batch of its own). Every worker must take equally many micro-batches, so the largest are split until
    that holds; an empty one stands where there are too few rows.
    """
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    parts: list[list[int]] = []
    for i in order:
        # In ascending order, the row to be added is the longest of its part.
        if parts and (len(parts[-1]) + 1) * lengths[i] <= tokens:
            parts[-1].append(i)
        else:
            parts.append([i])
    while len(parts) % workers:
        largest = max(range(len(parts)), key=lambda p: (len(parts[p]), -p))
        if len(parts[largest]) < 2:
            parts.append([])
            continue
        whole = parts[largest]
        parts[largest : largest + 1] = [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
    return parts


def share(parts: Sequence[T], worker: int, workers: int) -> list[T]:
    """The micro-batches of one worker."""
    return list(parts[worker::workers])
