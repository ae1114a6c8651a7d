"""Which rows and models a sweep needs, found by planning it on a source that has everything and reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sweeps.plan.graph import Plan
from sweeps.plan.planner import make_plan
from sweeps.spec.fields import SweepSpec
from trainables.recipe.optimisation import Precision
from trainables.tasks import Task
from trainables.tasks.sources import Settled, require_split
from trainables.tasks.task import Split


@dataclass(frozen=True)
class SplitRequirement:
    """The rows of one split of a task in one language."""

    task: Task
    split: Split
    language: str


class _Everything:
    """A source that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: dict[SplitRequirement, None] = {}

    def check(self, task: Task, split: Split, language: str) -> str | None:
        require_split(task, split, language)
        self.asked[SplitRequirement(task, split, language)] = None
        return None

    def stands_in(self, task: Task, language: str) -> bool:
        return False

    def describe(self, task: Task, split: Split, language: str) -> str:
        return "everything"

    def revision(self, task: Task, split: Split, language: str) -> str:
        return "everything"

    def glance(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        return ()

    def settled(self, task: Task, split: Split, language: str) -> Settled:
        self.check(task, split, language)
        return Settled([])

    def labels(self, task: Task) -> tuple[str, ...]:
        self.check(task, "train", task.train_language)
        return ()


def requirements_of(spec: SweepSpec, file: Path) -> tuple[SplitRequirement, ...]:
    """Rows of real data that the sweep reads, in the order in which its plan comes to them. Raises WrongSpec."""
    source = _Everything()
    make_plan(spec, str(file), {"files": source})
    return tuple(source.asked)


def draft_of(spec: SweepSpec, file: Path, precision: Precision = "fp32") -> Plan:
    """The plan of a sweep whose data is not there yet: its steps are those of the sweep, their keys are not."""
    return make_plan(spec, str(file), {"files": _Everything()}, precision)


def towers_of(spec: SweepSpec) -> dict[str, str]:
    """Models of the hub whose vision towers the sweep reads: commit by id."""
    visions = (spec.vision, *(one.vision for one in spec.intermediates))
    return {
        vision.start: vision.revision
        for vision in visions
        if vision is not None and vision.start is not None and vision.revision is not None and vision.path is None
    }


def models_of(spec: SweepSpec) -> dict[str, str]:
    """Models of the hub that the sweep starts from: commit by id."""
    return {
        model.start: model.revision
        for model in spec.models.values()
        if model.start is not None and model.revision is not None and model.path is None
    }
