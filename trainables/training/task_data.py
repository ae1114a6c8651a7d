"""The tasks of a training: what each of them reads, and whose turn it is.

Every update is one task's, on all workers: which one is a function of (recipe, step number) alone, like the
rows that it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from trainables.batching.samplers import EpochSampler, MixtureSampler, rng_for
from trainables.data.images import completing
from trainables.data.prepare import load_joined
from trainables.models.task_model import NewHead
from trainables.recipe.execution import Execution
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import TrainTask
from trainables.store import Store
from trainables.task_types import get_task_type
from trainables.task_types.modeling import Feature, ModelOutputs
from trainables.training.task_proportions import task_proportions

NOWHERE = Execution()
"""Of heads that hold no models that lie somewhere."""
NOISE, DEV_NOISE, TURNS = 2, 3, 4  # streams of random numbers, apart from that of the data order


class TaskData:
    """The rows of one task of a training."""

    def __init__(
        self,
        train_task: TrainTask,
        optimisation: Optimisation,
        seed: int,
        store: Store,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        self.train_task, self.tokenizer, self.seed = train_task, tokenizer, seed
        self.modeling = get_task_type(train_task.task.type).modeling()
        self.train, _, groups = load_joined(store, train_task.data, "train")
        self.complete = completing(self.modeling.type, store, train_task.data)
        size = optimisation.batch_size
        self.order: EpochSampler | MixtureSampler = EpochSampler(len(self.train), size, seed)
        if train_task.mixture is not None:
            self.order = MixtureSampler(
                groups, train_task.mixture, size, seed, self.modeling.type.contrastive_group_size
            )
        if train_task.select is not None:
            self.dev, self.dev_examples, dev_groups = load_joined(store, train_task.data, "dev")
            self.dev_language = dev_groups[0].language
            told = self.modeling.type.tells_chance(train_task.task)
            self.chance = self.modeling.chance(self.train, self.dev) if told else None
            # Noise on dev rows is drawn once, the same for every evaluation of every seed.
            self.dev_rows = self.modeling.add_noise(self.dev.to_list(), tokenizer, rng_for(0, DEV_NOISE))

    def batch(self, turn: int, step: int) -> list[Feature]:
        """The global batch of this task's `turn`-th turn (from 0), at update `step`."""
        features = rows_of(self.train, self.order.global_batch(turn))
        return self.modeling.add_noise(features, self.tokenizer, rng_for(self.seed, NOISE, step))

    def subwords(self) -> Iterator[np.ndarray]:
        """The ids of the subwords of all rows that training and its evaluations read, in chunks of any size."""
        for rows in (self.train, self.dev) if self.train_task.select is not None else (self.train,):
            for chunk in rows.data.column("input_ids").chunks:
                yield chunk.flatten().to_numpy()

    def score(self, raw: Sequence[object], device: torch.device) -> tuple[dict[str, float], float]:
        """Metrics of the dev rows from the task type's raw outputs, and the value that picks the checkpoint."""
        assert self.train_task.select is not None
        outputs = ModelOutputs(raw, self.dev, self.dev_examples, device)
        predictions = self.modeling.predict(outputs, self.train_task.task, {})
        metrics = self.modeling.score(predictions, self.dev_examples, self.train_task.task, self.dev_language)
        return metrics, self.train_task.select.value(metrics)

    def at_chance(self, scores: dict[str, float], loss: float | None) -> bool:
        """Whether the metrics of the dev rows and the mean training loss are those of a model that learnt nothing."""
        return self.chance is not None and loss is not None and self.chance.at_chance(scores["accuracy"], loss)

    def loss_decreased(self, before: float | None, loss: float | None) -> bool:
        """Whether the mean training loss has fallen; so too while there are no two losses to compare."""
        return before is None or loss is None or (self.chance is not None and self.chance.loss_decreased(before, loss))


def new_heads(tasks: Sequence[TrainTask], dropout: float, execution: Execution = NOWHERE) -> dict[str, NewHead]:
    """How the heads of a training are made, by their names; tasks that share a head have that of the first."""
    heads: dict[str, NewHead] = {}
    for train_task in tasks:
        heads.setdefault(
            train_task.head,
            partial(
                get_task_type(train_task.task.type).modeling().new_head,
                task=train_task.task,
                dropout=dropout,
                execution=execution,
            ),
        )
    return heads


class TaskSampler:
    """Which task each update is of; how many updates there are is said by `task_proportions`."""

    def __init__(
        self,
        tasks: Sequence[TrainTask],
        rows: Sequence[int],
        sampling: Sampling | None,
        optimisation: Optimisation,
        seed: int,
    ) -> None:
        self.steps, self.shares = task_proportions(tasks, rows, sampling, optimisation)
        self._parts = np.zeros(self.steps, dtype=np.int64)
        if sampling is not None:
            self._parts = rng_for(seed, TURNS).choice(len(tasks), size=self.steps, p=self.shares)
        self._turns = np.zeros(self.steps, dtype=np.int64)
        for number in range(len(tasks)):
            mine = self._parts == number
            self._turns[mine] = np.arange(mine.sum())

    def at(self, step: int) -> tuple[int, int]:
        """(number of the task, how many turns it had before) at update `step` (from 0)."""
        return int(self._parts[step]), int(self._turns[step])


def rows_of(features: Dataset, numbers: list[int]) -> list[Feature]:
    """Some rows of a dataset as dictionaries."""
    columns = features[numbers]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
