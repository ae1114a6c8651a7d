"""The micro-batches of each update, built one update ahead in a thread while the device computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.batching.micro_batches import shard_for_rank, split_micro_batch_groups
from trainables.recipe.execution import Execution
from trainables.task_types.modeling import size_of
from trainables.training.task_data import TaskData, TaskSampler


@dataclass(frozen=True)
class MicroBatch:
    """Rows that a worker takes through the model at once."""

    inputs: dict[str, Tensor]
    """What the task type's collation gives and, for dropout, `rows`: the place of each sequence in the global batch.
    Pinned where there is a GPU."""
    rows: list[int]
    """The places of its rows in the global batch; none: it is along for company."""
    weight: float
    """What its summed loss is multiplied by to be its share of the global batch's mean; 0 where it has no rows."""


@dataclass(frozen=True)
class Batch:
    """One worker's part of the global batch of an update."""

    task: int
    """Number of the task whose turn it is."""
    micro_batches: Sequence[MicroBatch]
    tokens: int
    """Subwords of the whole global batch, and patches of its images."""
    terms: int
    """Of the loss of the whole global batch: what its mean divides by."""
    targets: dict[str, Tensor]
    """What a loss over the whole batch reads of all its rows; empty for other losses."""


class BatchBuilder:
    """Makes of the number of an update its batch: a function of (recipe, step number) alone."""

    def __init__(
        self, tasks: Sequence[TaskData], sampler: TaskSampler, pad_id: int, execution: Execution, rank: int, pin: bool
    ) -> None:
        self.tasks, self.sampler, self.pad_id, self.pin = tasks, sampler, pad_id, pin
        self.rank, self.workers, self.micro_batch_tokens = rank, execution.workers, execution.micro_batch_tokens

    def __call__(self, step: int) -> Batch:
        number, turn = self.sampler.at(step)
        task = self.tasks[number]
        modeling = task.modeling
        features = task.batch(turn, step)
        terms = modeling.num_loss_terms(features)
        sizes = [size_of(feature) for feature in features]
        whole = split_micro_batch_groups(
            sizes, self.workers, self.micro_batch_tokens, modeling.type.contrastive_group_size
        )
        micro_batches = []
        for rows in shard_for_rank(whole, self.rank, self.workers):
            # A worker without rows takes one along with weight zero: every backward pass is collective.
            here = rows or [0]
            chosen = task.complete([features[i] for i in here])
            inputs = modeling.collate(chosen, self.pad_id)
            # Where a feature is several sequences, each has a dropout mask of its own.
            places = [here[place] + count * len(features) for place, count in modeling.sequences(chosen)]
            inputs["rows"] = torch.tensor(places)
            if self.pin:
                inputs = {name: tensor.pin_memory() for name, tensor in inputs.items()}
            micro_batches.append(MicroBatch(inputs, rows, 1.0 / terms if rows else 0.0))
        return Batch(number, micro_batches, sum(sizes), terms, modeling.targets(features))


class Prefetcher:
    """Gives the batches of successive updates, each built while the one before is trained on."""

    def __init__(self, build: Callable[[int], Batch], steps: int) -> None:
        self._build, self._steps = build, steps
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._ahead: tuple[int, Future[Batch]] | None = None

    def take(self, step: int) -> Batch:
        """The batch of update `step` (from 0)."""
        ahead, self._ahead = self._ahead, None
        future = ahead[1] if ahead is not None and ahead[0] == step else self._thread.submit(self._build, step)
        batch = future.result()
        if step + 1 < self._steps:
            self._ahead = step + 1, self._thread.submit(self._build, step + 1)
        return batch

    def close(self) -> None:
        """Build no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)
