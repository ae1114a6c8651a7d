"""What crosses the boundary to Ray: what a trial is given, and what it reports. Ray sees plain dictionaries."""

from __future__ import annotations

from typing import Any

from sweeps.schedule.dispatch import Outcome
from sweeps.schedule.states import StepState
from trainables.failure import Kind
from trainables.host import TrainReport
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution


class TrialConfig(Frozen):
    """What a trial and its workers need to carry out a step."""

    step: str
    """Its id."""
    recipe: dict[str, Any]
    """As JSON: the class of a recipe may be in a plug-in, which the worker imports first."""
    execution: Execution
    store: str
    """Path or URI."""
    owner: str
    """The driver, as its leases name it."""
    scratch: str
    """Where Ray Train writes files of its own."""
    control: str
    """Name of the actor that says whether to stop, and what follows."""
    series: str
    """Id of the trial: it carries out one step after another."""

    def to_ray(self) -> dict[str, Any]:
        """As Tune and Train take it."""
        return self.model_dump(mode="json")


class TrialReport(Frozen):
    """What a trial says of a step: how a training goes (`running`), and at the end `done`, `paused` (asked to leave;
    its training state is saved) or `failed`."""

    state: StepState
    step: str = ""
    """Its id; empty where a trial has failed and cannot tell at which step: at the one that it was given last."""
    progress: TrainReport | None = None
    """While running."""
    error: str = ""
    kind: Kind = "other"
    """Of a failure."""

    @classmethod
    def of(cls, result: dict[str, Any]) -> TrialReport:
        """From what Tune passes on, which has entries of its own besides. Without a state: a failure."""
        fields = {name: result[name] for name in cls.model_fields if name in result}
        fields["progress"] = next(iter(fields.get("progress", ())), None)
        return cls(**{"state": StepState.FAILED, "error": "the trial ended without saying how", **fields})

    def to_ray(self) -> dict[str, Any]:
        """As `ray.tune.report` and `ray.train.report` take it. The progress is in a list: Tune takes nested mappings
        apart before it passes them to schedulers and search algorithms, and leaves lists alone."""
        fields = self.model_dump(mode="json")
        return {**fields, "progress": [fields["progress"]] if self.progress is not None else []}

    @property
    def outcome(self) -> Outcome | None:
        """How the attempt ended; None while it runs."""
        return None if self.state is StepState.RUNNING else Outcome(self.state, self.error, self.kind)
