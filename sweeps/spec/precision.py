"""The precision that a sweep file leaves open."""

from __future__ import annotations

from sweeps.spec.fields import SweepSpec
from sweeps.spec.training import Training
from trainables.recipe.optimisation import Precision

AUTO = "auto"


def uses_auto(spec: SweepSpec) -> bool:
    """Whether the file says `precision: auto` anywhere."""
    pretrained = (step for model in spec.models.values() for step in model.pretrain)
    return any(training.precision == AUTO for training in (*spec.training.values(), *pretrained))


def with_precision(spec: SweepSpec, precision: Precision) -> SweepSpec:
    """`spec` with `precision` wherever it says `auto`."""
    if not uses_auto(spec):
        return spec

    def settled(training: Training) -> Training:
        return training.model_copy(update={"precision": precision}) if training.precision == AUTO else training

    models = {
        name: model.model_copy(update={"pretrain": tuple(settled(step) for step in model.pretrain)})
        for name, model in spec.models.items()
    }
    training = {name: settled(one) for name, one in spec.training.items()}
    return spec.model_copy(update={"models": models, "training": training})
