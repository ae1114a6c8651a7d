"""On how many cards of a size the models of a sweep can be trained, whole or by adapters, and how long an update takes.

For each model its training that holds the most is taken, on one node, in the fastest way that fits by estimate
(`sweeps.schedule.candidates`). Speeds are modelled (`sweeps.cost.throughput`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from sweeps.cost.flops import context_of
from sweeps.cost.memory import PlanMemory
from sweeps.cost.throughput import USUAL, throughput_on
from sweeps.plan.graph import Plan, Step
from sweeps.schedule.candidates import Candidate, Cluster, candidates
from sweeps.schedule.nodes import NodeShape
from sweeps.spec.training import LoraSpec
from trainables.models.lora_shape import adapter_parameters
from trainables.models.shape import ModelShape
from trainables.recipe.adaptation import Adaptation
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.store import Store

CARDS = (1, 4, 8)
USUAL_LORA = LoraSpec().lora()
"""Taken where the sweep itself trains all weights."""
OPEN = {"workers", "cpus_per_worker", "gpus_per_worker", "zero_stage", "micro_batch_tokens"}


@dataclass(frozen=True)
class Fit:
    """One model on some cards."""

    model: str
    parameters: int
    trained: str
    """`all weights`, or the adapters."""
    cards: int
    fits: bool
    execution: Execution
    gpu_bytes: float
    """That a worker holds of its card, in the way that holds least where none fits."""
    host_bytes: float
    """That all workers hold of their node's memory."""
    update_seconds: float


def fits(plan: Plan, store: Store | None, card_bytes: float, gpu_type: str | None) -> tuple[list[Fit], dict[str, str]]:
    """Of each model that the plan trains, all its weights and adapters, on `CARDS` of one node; and the models whose
    shape is not known, with the names of these on the hub.

    Args:
        card_bytes: memory of a card.
        gpu_type: whose speed it has, a name in `sweeps.cost.throughput.DEVICES`; None: the usual one.
    """
    throughput, held = throughput_on(gpu_type or USUAL), PlanMemory(plan, store)
    found: list[Fit] = []
    unknown: dict[str, str] = {}
    for model, step in _heaviest(plan, held).items():
        context = context_of(plan, store)
        shape = context.shape(step.recipe.starts_from)
        if context.assumed:
            unknown[model] = next(iter(context.assumed))
            continue
        for trained, variant in _variants(step, shape):
            work = variant.kind.work(variant.recipe, context)
            for cards in CARDS:
                cluster = Cluster([NodeShape(inf, cards)], card_bytes, throughput)
                best = _fastest(candidates(variant, work, cluster, held.peaks))
                execution = best.step.execution
                seconds = throughput.computing(work, execution, execution.workers) / max(work.updates, 1)
                held_there = best.peak, best.host
                found.append(Fit(model, shape.parameters, trained, cards, best.fits, execution, *held_there, seconds))
    return found, unknown


def _fastest(ways: Sequence[Candidate]) -> Candidate:
    return min(ways, key=lambda one: one.step.cost.seconds)


def _heaviest(plan: Plan, held: PlanMemory) -> dict[str, Step]:
    """Of each model the training that holds the most as the plan has it, its execution left open."""
    found: dict[str, tuple[int, Step]] = {}
    for step in plan.steps.values():
        model = step.tags.get("model")
        if model is None or not isinstance(step.recipe, TrainRecipe):
            continue
        given = {name: value for name, value in dict(step.execution).items() if name in step.execution.model_fields_set}
        left = replace(step, execution=Execution(**{name: given[name] for name in given if name not in OPEN}))
        memory = held.of(left, "cuda")
        if memory is not None and memory.total > found.get(model, (0, step))[0]:
            found[model] = memory.total, left
    return {model: step for model, (_, step) in found.items()}


def _variants(step: Step, shape: ModelShape) -> Iterator[tuple[str, Step]]:
    """`step` as training of all weights and of adapters: those of its recipe, or the usual ones."""
    recipe = step.recipe
    assert isinstance(recipe, TrainRecipe)
    yield "all weights", replace(step, recipe=recipe.model_copy(update={"adaptation": None}))
    lora = USUAL_LORA if recipe.adaptation is None else recipe.adaptation.lora
    if adapter_parameters(shape, lora):
        yield str(lora), replace(step, recipe=recipe.model_copy(update={"adaptation": Adaptation(lora=lora)}))
