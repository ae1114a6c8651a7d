"""The field `perturbations` of a sweep file: ways to change test rows whose labels stay true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from sweeps.spec.likelihood import WaySpec
from trainables.outside.fields import Seed
from trainables.recipe.canonical import Frozen
from trainables.recipe.perturbation import Kind, Perturbation
from trainables.tasks.registry import Way


class PerturbationSpec(Frozen):
    """One perturbation."""

    kind: Kind
    strength: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.1
    """Share of the words, rows (`distractor`) or entities (`entities`) that are changed, of those that can be."""
    seed: Seed = 1

    @property
    def perturbation(self) -> Perturbation:
        """As recipes have it."""
        return Perturbation(kind=self.kind, strength=self.strength, seed=self.seed)


def ways_of(
    likelihood: Mapping[str, WaySpec], perturbations: Mapping[str, PerturbationSpec]
) -> dict[str, Way | Perturbation]:
    """All ways of a sweep file to read a task, as the registry of tasks has them."""
    return {
        **{name: one.way for name, one in likelihood.items()},
        **{name: one.perturbation for name, one in perturbations.items()},
    }
