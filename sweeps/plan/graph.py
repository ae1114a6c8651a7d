"""The plan: the graph of the unique steps of a sweep.

A step is unique by its recipe's fingerprint, so whatever two cells of the grid have in common (prepared data, an
intermediate, the training of targets that share training data, the evaluation of an encoder that no seed has touched)
stands in the plan once, without any rule that says what to share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import AnyRecipe, EvaluateRecipe, TrainRecipe


@dataclass(frozen=True)
class Cost:
    """What a step takes, as an estimate (`sweeps.cost.flops`). Where training may end early, an upper bound."""

    tokens: float = 0.0
    """Subwords that go through the model; of a prepare step, that it encodes."""
    flops: float = 0.0
    seconds: float = 0.0
    """From its start to its end, on the devices that the plan is priced for."""


@dataclass(frozen=True)
class Step:
    """One recipe to be carried out."""

    recipe: AnyRecipe
    name: str
    """As a person would say it."""
    execution: Execution
    tags: dict[str, str] = field(default_factory=dict)
    """Phase, model, intermediate, target, seed: of the first cell that asked for the step."""
    cost: Cost = Cost()

    @property
    def id(self) -> str:
        return self.recipe.id

    @property
    def kind(self) -> str:
        return self.recipe.kind

    @property
    def needs(self) -> tuple[str, ...]:
        return self.recipe.needs

    @property
    def resources(self) -> tuple[float, float]:
        """CPUs and GPUs that it holds while it runs."""
        execution = self.execution
        workers = execution.workers if self.kind == "train" else 1
        gpus = 0 if self.kind == "prepare" else execution.gpus_per_worker
        return workers * execution.cpus_per_worker, workers * gpus


def phase_of(step: Step) -> str:
    """`prepare`, `pretrain`, `intermediate`, `target` or `evaluate`."""
    return step.tags.get("phase", "prepare")


@dataclass(frozen=True)
class Variant:
    """One way to train a cell, and the step that gives its scores."""

    evaluation: str
    training: str | None = None
    """The last training before it; None where the target is not trained."""
    setting: str = ""
    """What it has of its own, where there are others."""


@dataclass(frozen=True)
class Cell:
    """One entry of the grid. Several variants compete on the dev rows (`selection.settled`)."""

    model: str
    intermediate: str
    target: str
    seed: int
    variants: tuple[Variant, ...]

    @property
    def evaluation(self) -> str:
        """The step that gives the scores of its first, and mostly its only, variant."""
        return self.variants[0].evaluation


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which every step stands after those it needs; the cells of the grid."""

    steps: dict[str, Step]
    cells: tuple[Cell, ...]
    unshared_train_steps: int
    """Training steps if every cell were run by itself from the starting model on."""

    def behind(self, evaluation: str) -> list[str]:
        """The trainings that lead to an evaluation, the last first."""
        found: list[str] = []
        recipe: AnyRecipe | None = self.steps[evaluation].recipe
        while isinstance(recipe, EvaluateRecipe | TrainRecipe):
            origin = recipe.model if isinstance(recipe, EvaluateRecipe) else recipe.start
            recipe = self.steps[origin.step].recipe if isinstance(origin, CheckpointRef) else None
            if recipe is not None:
                found.append(recipe.id)
        return found

    @cached_property
    def remaining(self) -> dict[str, float]:
        """Seconds of the longest path from each step to an end of the plan, the step included."""
        longest = dict.fromkeys(self.steps, 0.0)
        for step in reversed(self.steps.values()):
            longest[step.id] += step.cost.seconds
            for need in step.needs:
                longest[need] = max(longest[need], longest[step.id])
        return longest
