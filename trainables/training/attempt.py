"""One attempt at a training, as one worker holds it: the model under its engine, and the batches that its seed orders.

Global batches, dropout and noise are functions of (recipe, step number), and the loss is the mean over the global
batch. So the numbers are those of the recipe, up to the order in which floating-point numbers are added, for any number
of workers, any ZeRO stage and any micro-batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from trainables.evaluation.inference import infer
from trainables.models.artifact import base_of
from trainables.models.backbones.modeling import Backbone
from trainables.models.divided import whole
from trainables.models.loading import ModelSource, load_backbone
from trainables.models.task_model import TaskModel, new_adapters, new_task_model
from trainables.models.vocabulary import TrimmedVocabulary, can_trim, subwords_in
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.store import Store
from trainables.training.batches import BatchBuilder, Prefetcher
from trainables.training.cached_gradients import backward_over_batch
from trainables.training.engine import Engine
from trainables.training.learning_rate import warmup_then_decay
from trainables.training.partition import load_divided
from trainables.training.state import LossBuffer, seed_of
from trainables.training.task_data import TaskData, TaskSampler, new_heads


class Attempt:
    """What depends on an attempt's seed.

    Args:
        number: how many attempts collapsed before it.
        check_stop: called between micro-batches, on every worker; may raise StopRequested.
    """

    def __init__(
        self,
        recipe: TrainRecipe,
        execution: Execution,
        store: Store,
        tokenizer: PreTrainedTokenizerBase,
        number: int,
        check_stop: Callable[[], None],
    ) -> None:
        self.recipe, self.execution, self._store, self.tokenizer = recipe, execution, store, tokenizer
        self._check_stop = check_stop
        optimisation = recipe.optimisation
        self.number, self.seed = number, seed_of(recipe.seed, number)
        self.tasks = [TaskData(task, optimisation, self.seed, store, tokenizer) for task in recipe.tasks]
        model = self.untrained(load_divided if execution.stage == 3 else load_backbone)
        self.adaptation = model.adaptation
        """What is trained of the backbone where it has adapters, for the record."""
        self.vocabulary = self._trimmed(model) if execution.trim_vocabulary else None
        self.engine = Engine(model, optimisation, execution)
        if self.vocabulary is not None and self.engine.rank:
            self.vocabulary.forget_rest()
        rows = [len(task.train) for task in self.tasks]
        self.sampler = TaskSampler(recipe.tasks, rows, recipe.sampling, optimisation, self.seed)
        self.steps = self.sampler.steps
        self.fresh = LossBuffer(len(self.tasks))
        """Losses that are not in the curve yet."""
        build = BatchBuilder(
            self.tasks,
            self.sampler,
            tokenizer.pad_token_id,
            execution,
            self.engine.rank,
            pin=self.engine.device.type == "cuda",
        )
        self._batches = Prefetcher(build, self.steps)
        self.layout = {
            "workers": self.engine.workers,
            "zero_stage": self.engine.stage,
            "subwords": len(self.vocabulary.kept) if self.vocabulary is not None and self.vocabulary.trained else None,
        }
        """How it is carried out, for the record."""

    @cached_property
    def base(self) -> dict[str, Any] | None:
        """What its adapters lie on, for those who read them; None where it has none."""
        return base_of(self.recipe.base, self._store) if self.adaptation is not None else None

    def untrained(self, load: Callable[[ModelSource, Store, Execution], Backbone] = load_backbone) -> TaskModel:
        """The model that the attempt begins with."""
        recipe, optimisation = self.recipe, self.recipe.optimisation
        backbone = load(recipe.base, self._store, self.execution)
        adapters = None
        if recipe.adaptation is not None:
            adapters = new_adapters(backbone, recipe.adaptation, recipe.start, self.seed, self._store)
        heads = new_heads(recipe.tasks, optimisation.dropout, self.execution)
        return new_task_model(backbone, heads, optimisation, self.seed, adapters)

    def _trimmed(self, model: TaskModel) -> TrimmedVocabulary | None:
        """Trim the table of subwords to those that the rows have; None where all of it must be trained."""
        if any(task.modeling.type.whole_vocabulary for task in self.tasks) or not can_trim(model):
            return None
        special = (*self.tokenizer.all_special_ids, self.tokenizer.pad_token_id)
        vocabulary = model.word_embeddings.num_embeddings
        kept = subwords_in((task.subwords() for task in self.tasks), special, vocabulary)
        with whole(model.word_embeddings.weight):
            return TrimmedVocabulary(model, kept)

    def update(self, step: int) -> int:
        """Take the update `step` (from 0); its loss is kept in `fresh`. The subwords of its global batch.

        A stop between its micro-batches leaves the model as it was before: what is gathered by then are gradients.
        """
        engine, batch = self.engine, self._batches.take(step)
        task = self.tasks[batch.task]
        engine.set_learning_rate(self.rate(step))
        engine.model.at_update(step)
        if task.modeling.type.loss_over_batch:
            total = backward_over_batch(engine, task, batch, self._check_stop)
            self.fresh.add(batch.task, total, step + 1)
            return batch.tokens
        total = torch.zeros((), device=engine.device)
        for i, micro_batch in enumerate(batch.micro_batches):
            if i:
                self._check_stop()
            inputs = engine.place(micro_batch.inputs)
            loss = task.modeling.loss(engine.forward(inputs, task.train_task.head), inputs) * micro_batch.weight
            engine.backward(loss, last=i == len(batch.micro_batches) - 1)
            total += loss.detach()
        self.fresh.add(batch.task, total, step + 1)
        return batch.tokens

    def dev_outputs(self, task: TaskData) -> list[Any] | None:
        """What the model says of a task's dev rows, on every worker; None where that is no number."""
        engine, taken, broken = self.engine, 0, 0

        def forward(batch: dict[str, Tensor]) -> Tensor:
            nonlocal taken, broken
            if taken:
                self._check_stop()
            taken += 1
            output = engine.forward(batch, task.train_task.head)
            if not torch.isfinite(output).all():
                broken += 1
                return torch.zeros_like(output)
            return output

        engine.training(False)
        outputs = infer(
            forward,
            task.dev_rows,
            task.modeling,
            self.tokenizer.pad_token_id,
            self.execution.micro_batch_tokens,
            engine.gather,
            engine.rank,
            engine.workers,
            engine.place,
            task.complete,
        )
        engine.training(True)
        return outputs if engine.sum(float(broken)) == [0.0] else None

    def weights(self, updates: int) -> dict[str, Tensor]:
        """All weights after so many updates, on the CPU, on the first worker. Every worker must call."""
        weights = self.engine.weights()
        if self.vocabulary is not None and self.engine.rank == 0:
            self.vocabulary.restore(weights, self.decay(updates))
        return weights

    def rate(self, step: int) -> float:
        """The learning rate of the update `step` (from 0)."""
        optimisation = self.recipe.optimisation
        return optimisation.learning_rate * warmup_then_decay(step, self.steps, optimisation.warmup)

    def decay(self, updates: int) -> float:
        """What weight decay alone has multiplied a weight by after so many updates."""
        decay = self.recipe.optimisation.weight_decay
        return math.prod(1.0 - self.rate(step) * decay for step in range(updates))

    def close(self) -> None:
        """Free what the attempt holds."""
        self._batches.close()
        self.engine.close()
