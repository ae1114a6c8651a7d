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
from pathlib import Path
from typing import Any

from sweeps.cost.sizes import Sizes
from sweeps.cost.throughput import Measured, Throughput, calibrated
from sweeps.plan.graph import Cost, Plan, Step
from trainables.models.backbones import CONFIG, hub_shape, read_config, shape_of
from trainables.models.backbones.xlm_roberta import XLMR_LARGE
from trainables.models.shape import ModelShape
from trainables.models.vision.shape import CLIP_B32, TowerShape, tower_shape
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.recipe.recipes import DataRecipe, Recipe, TokenizerRecipe
from trainables.recipe.tasks import SplitRef, TaskSpec
from trainables.recipe.vision import Alignment
from trainables.steps import StepRecord
from trainables.steps.work import Size, Work
from trainables.store import Store


@dataclass(frozen=True)
class Estimate:
    """A plan whose steps have costs, and what the costs rest on."""

    plan: Plan
    throughput: Throughput
    sizes: Sizes
    works: dict[str, Work]
    """What each step does."""
    assumed_shapes: tuple[str, ...]
    """Models whose shape is not known, and taken to be that of XLM-R Large."""


def estimate(plan: Plan, throughput: Throughput, store: Store | None = None) -> Estimate:
    """Give every step of `plan` its cost; `store` corrects expectations by what is prepared and trained."""
    context = context_of(plan, store)
    if store is not None:
        throughput = calibrated(throughput, _measured(plan, context, store))
    works = {name: step.kind.work(step.recipe, context) for name, step in plan.steps.items()}
    steps = {name: priced(step, works[name], throughput) for name, step in plan.steps.items()}
    return Estimate(replace(plan, steps=steps), throughput, context.sizes, works, tuple(context.assumed))


def priced(step: Step, work: Work, throughput: Throughput) -> Step:
    """`step` with its cost, as it is carried out."""
    devices = step.resources[1] or step.resources[0]
    return replace(step, cost=Cost(work.tokens, work.flops, throughput.seconds(work, step.execution, devices)))


def shapes(plan: Plan) -> dict[str, ModelShape]:
    """Of the model that each step trains."""
    context = context_of(plan, None)
    trained = {name: step.recipe.starts_from for name, step in plan.steps.items() if step.kind.leaves_weights}
    return {name: context.shape(origin) for name, origin in trained.items() if origin is not None}


def context_of(plan: Plan, store: Store | None) -> PlanContext:
    paths = {key: path for step in plan.steps.values() for key, path in step.execution.model_paths.items()}
    return PlanContext({step.id: step.recipe for step in plan.steps.values()}, paths, store)


def _measured(plan: Plan, context: PlanContext, store: Store) -> list[Measured]:
    """What done steps really did, as far as it tells how fast devices are."""
    measured = []
    for name, step in plan.steps.items():
        if step.kind.leaves_weights and store.done(name):
            record = StepRecord.of(store, name)
            done = step.kind.work_done(step.recipe, context, record)
            if done is not None:
                cpus, gpus = step.kind.demand(record.execution).total
                measured.append(Measured(*done, record.execution, gpus or cpus, record.environment.get("device", "")))
    return measured


class PlanContext:
    """Sizes and shapes that the steps of a plan read (`trainables.steps.work.WorkContext`).

    Args:
        recipes: by step.
        model_paths: directories of local models by their hash.
        store: is asked for what is prepared; None: everything is expected or assumed.
    """

    def __init__(self, recipes: Mapping[str, Recipe], model_paths: Mapping[str, str], store: Store | None) -> None:
        self.recipes, self.model_paths, self.sizes = recipes, model_paths, Sizes(recipes, store)
        self.assumed: dict[str, None] = {}
        self._shapes: dict[str, ModelShape] = {}

    def size(self, data_step: str, split: str) -> Size:
        """Rows of a split, in all languages of a data step."""
        return self.sizes.of(data_step, split)

    def longest(self, data_step: str) -> int:
        """Subwords at which a data step cuts sequences."""
        recipe = self.recipes[data_step]
        assert isinstance(recipe, DataRecipe)
        return recipe.max_length

    def text_size(self, task: TaskSpec, rows: SplitRef) -> Size:
        """Rows that no data step has: what a tokenizer reads."""
        return self.sizes.text(task, rows)

    def tower(self, alignment: Alignment | None) -> TowerShape | None:
        """Of the vision tower that a task's images are read by; one that is not known is taken for CLIP's ViT-B/32."""
        if alignment is None:
            return None
        found = tower_shape(alignment.tower, self.model_paths)
        if found is None and isinstance(alignment.tower.start, HubModel):
            self.assumed[alignment.tower.start.hub] = None
        return found or CLIP_B32

    def shape(self, origin: Any) -> ModelShape:
        """Of the model that `origin` names."""
        if isinstance(origin, CheckpointRef):
            if origin.step not in self._shapes:
                self._shapes[origin.step] = self.shape(self.recipes[origin.step].starts_from)
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
