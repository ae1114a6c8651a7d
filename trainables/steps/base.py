"""What a kind of step says of itself. It is free of torch: `run` imports what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from trainables.host import Host
from trainables.models.shape import ModelShape
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import Recipe
from trainables.steps.records import StepRecord
from trainables.steps.work import Work, WorkContext
from trainables.store import Store
from trainables.training.memory import DeviceType, Memory

Point = tuple[str, float, int]
"""Name, value, update (0 where there is no curve)."""


@dataclass(frozen=True)
class Shown:
    """What tracking shows of a done step.

    Attributes:
        tags: of its run, beside those that every run has.
        curves: numbers of the step itself.
        selected: what picked its checkpoint; linked to the logged model and to the data set of the dev rows.
        scores: what it measured of a checkpoint; linked to that and to the data.
        files, folders: what is attached to the run, by path below the step's directory.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[Point, ...] = ()
    selected: tuple[Point, ...] = ()
    scores: tuple[Point, ...] = ()
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class Demand(NamedTuple):
    """What a step holds while it runs: so many processes, each of them on one node."""

    processes: int
    cpus: float
    """Of each process; so are the GPUs."""
    gpus: float

    @property
    def total(self) -> tuple[float, float]:
        """CPUs and GPUs of all processes."""
        return self.processes * self.cpus, self.processes * self.gpus


class PlannedRole(Protocol):
    """What a step of a plan is for some cell of the grid; what it does not depend on is None."""

    @property
    def phase(self) -> str:
        """`prepare`, `pretrain`, `intermediate`, `target`, `evaluate`, or the name of a kind that was asked for."""

    @property
    def model(self) -> str | None: ...

    @property
    def intermediate(self) -> str | None: ...

    @property
    def target(self) -> str | None: ...

    @property
    def seed(self) -> int | None: ...


class PlanContext(Protocol):
    """What a kind may look at when it adds steps to a plan."""

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Recipes of the steps so far, by id: each behind those that it needs."""

    @property
    def roles(self) -> Mapping[str, Sequence[PlannedRole]]:
        """What each of these steps is for."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of the sweep."""

    def shape(self, model: str) -> ModelShape | None:
        """Of a model of the sweep; None where it is not known before the model is pulled."""


@dataclass(frozen=True)
class FurtherStep:
    """A step that a sweep file asks for by the name of its kind.

    Attributes:
        label: what people read.
        model, intermediate, target, seed: of the cells that it is for, as far as it depends on them.
    """

    recipe: Recipe
    label: str
    model: str | None = None
    intermediate: str | None = None
    target: str | None = None
    seed: int | None = None


class StepKind:
    """One kind of step. Stateless.

    A subclass sets `name` and `recipe` and overrides `run`; and the rest where the usual answer is not its own.
    """

    name: ClassVar[str]
    recipe: ClassVar[type[Recipe]]
    group: ClassVar[str]
    """What its steps are counted and listed under: `prepare`, `train`, `evaluate`, or a word of its own."""
    preparation: ClassVar[bool] = False
    """Whether it only makes ready what others read: no progress of a cell, and no place for a GPU."""
    distributed: ClassVar[bool] = False
    """Whether `execution.workers` processes carry out a step together, in one process group; else one process does."""
    uses_gpu: ClassVar[bool] = False
    """Whether each of its processes holds `execution.gpus_per_worker`."""
    leaves_weights: ClassVar[bool] = False
    """Whether it leaves a checkpoint under `model/`, which others may start from, and which may be dropped."""
    data_context: ClassVar[str] = ""
    """What its data sets are to it, as MLflow says it: `training` or `evaluation`."""

    def run(self, recipe: Any, execution: Execution, store: Store, host: Host) -> bool:
        """Carry out `recipe` as this process's part of it, and commit the result.

        Returns:
            Whether it is done; False: it was asked to stop, and what must survive is saved.
        """
        raise NotImplementedError

    def demand(self, execution: Execution) -> Demand:
        """What a step holds while it runs."""
        processes = execution.workers if self.distributed else 1
        return Demand(processes, execution.cpus_per_worker, execution.gpus_per_worker if self.uses_gpu else 0)

    def work(self, recipe: Any, context: WorkContext) -> Work:
        """What a step is expected to do."""
        return Work(0.0)

    def work_done(self, recipe: Any, context: WorkContext, record: StepRecord) -> tuple[Work, float] | None:
        """What a done step really did, and the seconds that it computed: kinds that leave weights say so, to correct
        estimates. None where no throughput can be told."""
        return None

    def memory(self, recipe: Any, execution: Execution, context: WorkContext, device: DeviceType) -> Memory | None:
        """What one of its processes holds at most on a device; None where it has to do with no model."""
        return None

    def shown(self, recipe: Any, record: StepRecord) -> Shown:
        """What tracking shows of a done step; by default every number of its result."""
        numbers = ((name, value) for name, value in record.result.items() if isinstance(value, int | float))
        return Shown(curves=tuple((name, float(value), 0) for name, value in numbers))

    def plan(self, options: Mapping[str, Any], context: PlanContext) -> Iterable[FurtherStep]:
        """The steps that `steps: {NAME: OPTIONS}` in a sweep file adds.

        Raises:
            ValueError: the options do not fit; the message says which.
        """
        raise ValueError("steps of this kind are not asked for by name: a sweep has them as it needs them")
