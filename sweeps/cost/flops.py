"""What the steps of a plan cost: subwords and floating-point operations from their recipes, seconds from a device.

- Training: updates x batch x subwords of a row; 6 x weights of the blocks' matrices for each subword, and
  12 x layers x length x hidden for attention, which is three times a forward pass (`trainables.models.shape`); each
  evaluation a forward pass over the dev rows. `patience` may end a training early, so this is an upper bound.
- Evaluation: a forward pass over all its rows.
- The head: masked LM's, over the whole vocabulary for each predicted subword, and that of the other task types, which
  is little. Embeddings are looked up, not multiplied.

How many rows there are, and how long: `sweeps.cost.sizes`. Seconds: `sweeps.cost.throughput`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from sweeps.cost.sizes import Size, Sizes
from sweeps.cost.throughput import Throughput, Work, calibrated
from sweeps.plan.graph import Cost, Plan
from trainables.models.backbones import CONFIG, hub_shape, read_config, shape_of
from trainables.models.backbones.xlm_roberta import XLMR_LARGE
from trainables.models.shape import ModelShape
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.recipe.recipes import (
    AnyRecipe,
    DataRecipe,
    EvaluateRecipe,
    TaskSpec,
    TokenizerRecipe,
    TrainRecipe,
    TrainTask,
)
from trainables.store import Store
from trainables.task_types import HeadWork, get_task_type
from trainables.training.task_proportions import task_proportions

BACKWARD = 3.0
"""Training in forward passes."""


@dataclass(frozen=True)
class Estimate:
    """A plan whose steps have costs, and what the costs rest on."""

    plan: Plan
    throughput: Throughput
    sizes: Sizes
    assumed_shapes: tuple[str, ...]
    """Models whose shape is not known, and taken to be that of XLM-R Large."""


def estimate(plan: Plan, throughput: Throughput, store: Store | None = None) -> Estimate:
    """Give every step of `plan` its cost; `store` corrects expectations by what is prepared and trained."""
    works = _Works({step.id: step.recipe for step in plan.steps.values()}, _places(plan), store)
    if store is not None:
        throughput = calibrated(throughput, _measured(plan, works, store))
    steps = {}
    for name, step in plan.steps.items():
        work = works.of(step.recipe)
        cost = Cost(work.tokens, work.flops, throughput.seconds(work, step.execution))
        steps[name] = replace(step, cost=cost)
    return Estimate(replace(plan, steps=steps), throughput, works.sizes, tuple(works.assumed))


def shapes(plan: Plan) -> dict[str, ModelShape]:
    """Of the model that each training step trains."""
    works = _Works({step.id: step.recipe for step in plan.steps.values()}, _places(plan), None)
    recipes = ((name, step.recipe) for name, step in plan.steps.items())
    return {name: works.shape(recipe.start) for name, recipe in recipes if isinstance(recipe, TrainRecipe)}


def _places(plan: Plan) -> dict[str, str]:
    return {key: place for step in plan.steps.values() for key, place in step.execution.model_paths.items()}


def _measured(plan: Plan, works: _Works, store: Store) -> dict[str, tuple[Work, dict[str, Any]]]:
    """Training steps that are done: what they really did, and their records."""
    measured = {}
    for name, step in plan.steps.items():
        if isinstance(step.recipe, TrainRecipe) and store.done(name):
            record = store.record(name)
            measured[name] = works.trained(step.recipe, record["result"]), record
    return measured


class _Works:
    """The work of recipes. `places`: directories of local models by their hash."""

    def __init__(self, recipes: Mapping[str, AnyRecipe], model_paths: Mapping[str, str], store: Store | None) -> None:
        self.recipes, self.model_paths, self.sizes = recipes, model_paths, Sizes(recipes, store)
        self.assumed: dict[str, None] = {}
        self._shapes: dict[str, ModelShape] = {}

    def of(self, recipe: AnyRecipe) -> Work:
        """What a step is expected to do."""
        if isinstance(recipe, TrainRecipe):
            return self._training(recipe)
        if isinstance(recipe, EvaluateRecipe):
            shape = self.shape(recipe.model)
            size = sum((self.sizes.of(recipe.data, split) for split in ("test", "dev", "pool")), Size())
            flops = _forward(shape, recipe.task, size)
            return Work("evaluate", size.tokens, flops, shape=shape, precision=recipe.precision)
        return Work("prepare", self._prepared(recipe), 0.0)

    def trained(self, recipe: TrainRecipe, result: Mapping[str, Any]) -> Work:
        """What a training step did, from its result."""
        return self._training(recipe, result["steps"], float(result["tokens"]), len(result["dev"]))

    def shape(self, origin: Any) -> ModelShape:
        """Of the model that `origin` names."""
        if isinstance(origin, CheckpointRef):
            if origin.step not in self._shapes:
                below = self.recipes[origin.step]
                assert isinstance(below, TrainRecipe)
                self._shapes[origin.step] = self.shape(below.start)
            return self._shapes[origin.step]
        if isinstance(origin, RandomInit):
            tokenizer = self.recipes[origin.tokenizer]
            assert isinstance(tokenizer, TokenizerRecipe)
            return shape_of(origin.architecture, "the architecture", tokenizer.vocab_size)
        key = origin.sha256 if isinstance(origin, LocalModel) else origin.hub
        if key not in self._shapes:
            self._shapes[key] = self._published(origin)
        return self._shapes[key]

    def _published(self, origin: LocalModel | HubModel) -> ModelShape:
        if isinstance(origin, LocalModel):
            path = Path(self.model_paths[origin.sha256])
            return shape_of(read_config(path / CONFIG), str(path))
        shape = hub_shape(origin.hub, origin.revision)
        if shape is None:
            self.assumed[origin.hub] = None
        return shape or XLMR_LARGE

    def _prepared(self, recipe: AnyRecipe) -> float:
        """Subwords that a prepare step encodes."""
        if isinstance(recipe, TokenizerRecipe):
            return sum(self.sizes.text(corpus.task, rows).tokens for corpus in recipe.corpora for rows in corpus.rows)
        assert isinstance(recipe, DataRecipe)
        return sum(self.sizes.of(recipe.id, split).tokens for split in dict.fromkeys(r.split for r in recipe.rows))

    def _training(
        self,
        recipe: TrainRecipe,
        updates: int | None = None,
        tokens: float | None = None,
        evaluations: int | None = None,
    ) -> Work:
        """Of a training; `updates`, `tokens` (of training rows) and `looks` as they were, where it is done."""
        shape, optimisation = self.shape(recipe.start), recipe.optimisation
        train = [self._joined(part, "train") for part in recipe.parts]
        planned, shares = task_proportions(
            recipe.parts, [size.features for size in train], recipe.sampling, optimisation
        )
        updates = planned if updates is None else updates
        evaluations = ceil(updates / optimisation.evaluate_every) if evaluations is None else evaluations
        flops = 0.0
        drawn, dev = Size(), Size()
        for part, size, share in zip(recipe.parts, train, shares, strict=True):
            read = _times(size, updates * share * optimisation.batch_size / size.features)
            flops += BACKWARD * _forward(shape, part.task, read)
            drawn += read
            if part.select is not None:
                once = self._joined(part, "dev")
                flops += evaluations * _forward(shape, part.task, once)
                dev += _times(once, evaluations)
        if tokens is not None:
            flops, drawn = flops * tokens / drawn.tokens, _times(drawn, tokens / drawn.tokens)
        return Work(
            "train",
            drawn.tokens + dev.tokens,
            flops,
            updates,
            drawn.tokens / max(updates, 1),
            shape,
            optimisation.precision,
        )

    def _joined(self, part: TrainTask, split: Any) -> Size:
        return sum((self.sizes.of(step, split) for step in part.data), Size())


def _times(size: Size, factor: float) -> Size:
    return Size(size.features * factor, size.tokens * factor, size.length)


def _forward(shape: ModelShape, task: TaskSpec, size: Size) -> float:
    """FLOPs of a forward pass over some rows of a task, its head's included."""
    head = HeadWork(size.tokens, size.sequences, shape.hidden, len(task.labels), shape.vocabulary)
    return get_task_type(task.type).forward_flops(size.tokens * shape.forward(size.length), head)
