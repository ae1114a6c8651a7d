"""What a plan says of trainings that do not train all weights: how, how many, and what crosses from phase to phase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sweeps.plan.graph import Step
from sweeps.spec.fields import SweepSpec
from trainables.recipe.adaptation import Adaptation
from trainables.recipe.recipes import TrainRecipe

LEAST_RATE = 1e-4
"""Low-rank adapters are mostly trained with 1e-4 to 3e-4, ten times what is usual for all weights."""


def rate_remark(where: str, rate: float) -> list[str]:
    """Of a training by LoRA whose learning rate is the published one, which is of full training; none where that is
    high enough."""
    if rate >= LEAST_RATE:
        return []
    return [
        f"{where}: LoRA at {rate:g}, the published learning rate of full training, which is mostly too low for it; "
        "give learning_rate, mostly 1e-4 to 3e-4"
    ]


def adaptation_remarks(steps: Mapping[str, Step]) -> list[str]:
    """A line for each way in which backbones are adapted, where there is another than in full."""
    recipes = [step.recipe for step in steps.values() if isinstance(step.recipe, TrainRecipe)]
    if all(recipe.adaptation is None for recipe in recipes):
        return []
    groups: dict[Adaptation | None, list[TrainRecipe]] = {}
    for recipe in recipes:
        way = None if recipe.adaptation is None else Adaptation(lora=recipe.adaptation.lora)
        groups.setdefault(way, []).append(recipe)
    return [
        f"{_words(way)}: {len(some)} of {len(recipes)} trainings{_counted(recipe.taken_over for recipe in some)}"
        for way, some in groups.items()
    ]


def carrying_remark(spec: SweepSpec, steps: Mapping[str, Step]) -> list[str]:
    """A line where adapters shall be carried from phase to phase, and no training starts from any."""
    asked = {f"training.{name}": one.adaptation for name, one in spec.training.items()}
    for name, model in spec.models.items():
        asked |= {f"models.{name}.pretrain[{i}]": one.adaptation for i, one in enumerate(model.pretrain)}
    fields = [name for name, one in asked.items() if one is not None and one.between_phases == "carried"]
    recipes = [step.recipe for step in steps.values() if isinstance(step.recipe, TrainRecipe)]
    if not fields or any(recipe.adaptation is not None and recipe.adaptation.carried for recipe in recipes):
        return []
    return [
        f"{fields[0]}.adaptation.between_phases: carried, but no training starts from adapters, so there are none to "
        "carry on; it needs LoRA in an earlier phase"
    ]


def _words(way: Adaptation | None) -> str:
    return "in full" if way is None else str(way.lora)


def _counted(said: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for one in filter(None, said):
        counts[one] = counts.get(one, 0) + 1
    return "".join(f"; {one}: {count}" for one, count in counts.items())
