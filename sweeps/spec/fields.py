"""The fields of a sweep file. `reading.read_spec` reads and checks one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field, field_validator

from sweeps.spec.execution import ExecutionSpec
from sweeps.spec.intermediate import IntermediateSpec
from sweeps.spec.likelihood import WaySpec
from sweeps.spec.model import ModelSpec
from sweeps.spec.perturbations import PerturbationSpec
from sweeps.spec.stopping import EarlyStopping
from sweeps.spec.training import Languages, Training
from sweeps.spec.vision import VisionSpec
from trainables.outside.fields import Count, Label, Name, Place, Revision, Seed
from trainables.outside.places import local_path
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution
from trainables.recipe.tasks import PoolingConfig
from trainables.tasks import get_task
from trainables.tasks.benchmarks import BENCHMARKS

Question = Literal["scale", "multimodal", "robustness", "low-resource", "intermediates"]
"""What a sweep may be asked; the report has a section for each."""


class TargetSpec(Frozen):
    """A target task; `train_on` and `languages` replace what the task's record says."""

    task: Label
    train_on: tuple[Label, ...] | None = None
    """One task, or several to be trained on one after the other."""
    languages: Languages | None = None

    @field_validator("train_on", mode="before")
    @classmethod
    def _one_task(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Names of the tasks whose training data this target is trained on, in order; none: never trained."""
        return self.train_on if self.train_on is not None else get_task(self.task).trains_on


class GeneratedSpec(Frozen):
    """The generated benchmark: its world is drawn from `seed`; `size` scales its rows."""

    seed: Seed = 1
    size: float = Field(default=1.0, strict=True, ge=1e-3, le=100)


class SweepSpec(Frozen):
    """One sweep file."""

    plugins: tuple[Label, ...] = ()
    """Modules that add task types, tasks, kinds of steps or backbones (`trainables.plugins`)."""
    tasks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What the sweep's task files say, by their paths; in the sweep file it is a list of such files, or of folders."""
    sweep: Name
    question: tuple[Question, ...] = ()
    """What it is to answer, one or several; without it, what its axes can answer (`questions.questions_of`)."""
    models: dict[Label, ModelSpec] = Field(min_length=1, max_length=1000)
    intermediates: tuple[IntermediateSpec, ...] = Field(min_length=1, max_length=1000)
    targets: tuple[TargetSpec, ...] = Field(min_length=1, max_length=1000)
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=1000)
    intermediate_seeds: Literal["matched", "shared"] = "matched"
    """`matched`: the target of seed s starts from the intermediate of seed s, so the spread over seeds is that of both
    phases. `shared`: all start from the intermediate of the first seed; cheaper, and the spread is that of the target
    phase alone."""
    languages: Languages | None = None
    """Evaluate in these languages only; by default in all that a target has."""
    test_limit: Count | None = None
    """Evaluate so many rows of each language only, drawn by position; retrieval is over all rows whatever is said here,
    since fewer candidates are an easier task. Tables that were made so say so."""
    retrieval: PoolingConfig = PoolingConfig()
    """How sentences become vectors in retrieval and mining: `layer`, `pooling`, `direction`."""
    likelihood: dict[Label, WaySpec] = Field(default_factory=dict)
    """Ways to read multiple choice by the likelihood of its answers, by name: `TASK@NAME` is TASK read so."""
    perturbations: dict[Label, PerturbationSpec] = Field(default_factory=dict)
    """Ways to change test rows, by name: `TASK@NAME` is TASK, trained as ever, evaluated on rows changed so."""
    data: dict[Label, Place] = Field(default_factory=dict)
    """Where the data is: a folder in the XTREME download layout, or `hub`. By task where they differ, `all` for the
    others: `{all: hub, ccg: /corpora/ccgbank}`; one word or path stands for all."""
    generated: GeneratedSpec = GeneratedSpec()
    vision: VisionSpec | None = None
    """The vision tower of image-text trainings that name none of their own."""
    revisions: dict[Place, Revision] = Field(default_factory=dict)
    hyperparameters: Literal["jiant", "xtreme", "xlmr-authors"] = "jiant"
    """The published set of settings that trainings start from: `trainables/tasks/hyperparameters.py`."""
    training: dict[Label, Training] = Field(default_factory=dict)
    """By task; `all` for every task."""
    steps: dict[Label, dict[str, Any]] = Field(default_factory=dict)
    """Further steps, by the name of their kind, with its options: analyses, and kinds that plug-ins add."""
    early_stopping: EarlyStopping = EarlyStopping()
    execution: ExecutionSpec = ExecutionSpec()
    """Of all steps, by kind of step, by model; `auto`, or what is not given: chosen for each step."""
    storage: Place = "runs"
    keep: Literal["all", "best", "intermediates"] = "all"
    """Which weights stay when no step of the plan needs them any more: `gc.kept_weights`. Results stay in any case."""
    tracking: Place | None = None

    @field_validator("question", mode="before")
    @classmethod
    def _one_question(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _one_place(cls, value: Any) -> Any:
        return {"all": value} if isinstance(value, str) else value

    @field_validator("execution", mode="before")
    @classmethod
    def _auto(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "auto":
            raise ValueError("give auto, or a mapping of fields")
        return {} if value == "auto" else value

    @field_validator("intermediates", mode="before")
    @classmethod
    def _short_intermediates(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"name": item, "tasks": [item]} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("targets", mode="before")
    @classmethod
    def _short_targets(cls, value: Any) -> Any:
        """`xtreme` stands for all its tasks, alone or in a list; a name for the task as its record has it."""
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            return value
        targets: list[Any] = []
        for item in value:
            if isinstance(item, str) and item in BENCHMARKS:
                targets += [asdict(entry) for entry in BENCHMARKS[item]]
            else:
                targets.append({"task": item} if isinstance(item, str) else item)
        return targets

    @field_validator("models", mode="before")
    @classmethod
    def _short_models(cls, value: Any) -> Any:
        if isinstance(value, list):
            value = {item: item for item in value if isinstance(item, str)}
        if isinstance(value, dict):
            return {name: {"start": item} if isinstance(item, str) else item for name, item in value.items()}
        return value

    def data_of(self, task: str) -> str | None:
        """Where a task's data is."""
        return Execution(data=self.data).data_of(task)

    @property
    def intermediate_names(self) -> tuple[str, ...]:
        """What the rows of a table are called."""
        return tuple(one.name for one in self.intermediates)

    @property
    def tracking_uri(self) -> str:
        """Where MLflow is: as given, or a SQLite file beside the store."""
        if self.tracking is not None:
            return self.tracking
        base = "." if "://" in self.storage else self.storage
        return f"sqlite:///{local_path(base) / 'mlflow.db'}"
