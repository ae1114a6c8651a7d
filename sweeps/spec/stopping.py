"""The fields of a sweep file on trainings that end before their last update."""

from __future__ import annotations

from pydantic import Field

from trainables.outside.fields import Count
from trainables.recipe.canonical import Frozen


class CollapseSpec(Frozen):
    """What becomes of a run that has learnt nothing: at chance with a loss to match, or with a loss that is no number.
    Whatever is said here, it is marked."""

    patience: Count | None = 3
    """Stopped after so many successive evaluations at chance, after warm-up; None: never for that."""
    reseed: int = Field(default=0, strict=True, ge=0, le=100)
    """How many times it is started again, each time with another seed; every attempt is recorded."""


class AshaSpec(Frozen):
    """Successive halving among the trainings of a target with one model and one seed: intermediates, and learning rates
    where there are several. A table in which a training was stopped is a selection, no study."""

    grace: Count
    """Updates that every training has; the first comparison is then."""
    reduction: float = Field(default=3.0, strict=True, gt=1, le=1e6)
    """Of those compared, the best 1/reduction go on; each comparison is this many times later than the one before."""


class EarlyStopping(Frozen):
    """When a training ends before its last step, besides `patience` and `min_gain` of its task."""

    collapse: CollapseSpec = CollapseSpec()
    asha: AshaSpec | None = None
