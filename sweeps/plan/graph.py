"""The plan: the graph of the unique steps of a sweep.

A step is unique by its recipe's fingerprint, so whatever two cells of the grid have in common (prepared data, an
intermediate, the training of targets that share training data, the evaluation of an encoder that no seed has touched)
stands in the plan once, without any rule that says what to share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import Recipe, TrainRecipe
from trainables.steps import Demand, StepKind, kind_of


@dataclass(frozen=True)
class Cost:
    """What a step takes, as an estimate (`sweeps.cost.flops`). Where training may end early, an upper bound."""

    tokens: float = 0.0
    """Subwords that go through the model; of a prepare step, that it encodes."""
    flops: float = 0.0
    seconds: float = 0.0
    """From its start to its end, on the devices that the plan is priced for."""


PHASES = ("prepare", "pretrain", "intermediate", "target", "evaluate")
"""What steps are for, in the order in which a cell needs them."""


@dataclass(frozen=True)
class Role:
    """What a step is for some cell that asked for it.

    Attributes:
        phase: one of `PHASES`, or the name of a kind of step that a sweep file asks for.
        label: the step as a person would call it in this role.
        model, intermediate, target, seed: of the cell, as far as the step depends on them.
    """

    phase: str
    label: str
    model: str | None = None
    intermediate: str | None = None
    target: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Step:
    """One recipe to be carried out.

    A training may be the intermediate of some cells and the target of others: it has a role for each cell that asked
    for it, equal ones once, and is carried out, counted and priced once.
    """

    recipe: Recipe
    roles: tuple[Role, ...]
    execution: Execution
    cost: Cost = Cost()

    @property
    def id(self) -> str:
        return self.recipe.id

    @property
    def kind(self) -> StepKind:
        return kind_of(self.recipe)

    @property
    def needs(self) -> tuple[str, ...]:
        return self.recipe.needs

    @property
    def trains_all(self) -> bool:
        """Whether it trains all weights of a model, so that adapters would hold less."""
        return isinstance(self.recipe, TrainRecipe) and self.recipe.adaptation is None

    @cached_property
    def demand(self) -> Demand:
        """What it holds while it runs."""
        return self.kind.demand(self.execution)

    @property
    def resources(self) -> tuple[float, float]:
        """CPUs and GPUs that it holds while it runs."""
        return self.demand.total

    @property
    def name(self) -> str:
        """As a person would say it: its label, and that of a role in another phase."""
        first, *others = self.roles
        also = dict.fromkeys(role.label for role in others if role.phase != first.phase)
        return f"{first.label} (also {', '.join(also)})" if also else first.label

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of its roles, each once, in the order of `PHASES`."""
        found = dict.fromkeys(role.phase for role in self.roles)
        return tuple(sorted(found, key=lambda phase: PHASES.index(phase) if phase in PHASES else len(PHASES)))

    @property
    def phase(self) -> str:
        """Its phases in words: `intermediate and target` where it is both."""
        return " and ".join(self.phases)

    @property
    def tags(self) -> dict[str, str]:
        """Phase, model, intermediate, target and seed of its roles, for MLflow and for looking steps up."""
        found = {"phase": self.phase}
        for name in ("model", "intermediate", "target", "seed"):
            values = dict.fromkeys(str(value) for role in self.roles if (value := getattr(role, name)) is not None)
            if values:
                found[name] = ", ".join(values)
        return found

    def in_role(self, role: Role) -> Step:
        """This step with one role more, unless it has it."""
        return self if role in self.roles else replace(self, roles=(*self.roles, role))


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
    remarks: tuple[str, ...] = ()
    """What a person should know of its trainings before they run, a line each."""

    def behind(self, evaluation: str) -> list[str]:
        """The trainings that lead to an evaluation, the last first."""
        found: list[str] = []
        origin = self.steps[evaluation].recipe.starts_from
        while isinstance(origin, CheckpointRef) and self.steps[origin.step].kind.leaves_weights:
            found.append(origin.step)
            origin = self.steps[origin.step].recipe.starts_from
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
