"""The fields of a sweep file. `reading.read_spec` reads and checks one."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

import trainables
from sweeps.spec.execution import ExecutionSpec
from sweeps.spec.likelihood import WaySpec
from sweeps.spec.perturbations import PerturbationSpec
from sweeps.spec.training import CAUSAL_LM, MASKED_LM, Languages, LmSpec, PretrainSpec, TokenizerSpec, Training
from sweeps.spec.vision import VisionSpec
from trainables.models.backbones import CONFIG, hub_shape, read_config, read_whole_config, shape_of
from trainables.models.backbones.text_towers import ON_HUB, TOWERS, TextTower
from trainables.models.gguf import gguf_of
from trainables.models.shape import ModelShape
from trainables.outside.fields import Count, Label, Name, Place, Revision, Seed
from trainables.outside.places import local_path
from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import Attention
from trainables.recipe.tasks import PoolingConfig
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.benchmarks import BENCHMARKS
from trainables.tasks.registry import way_of

MINI = "mini"
"""The small model that comes with the project; see `trainables/models/mini/README.md`."""
Question = Literal["scale", "multimodal", "robustness", "low-resource", "intermediates"]
"""What a sweep may be asked; the report has a section for each."""
NONE = "none"
"""The intermediate that is no intermediate: the baseline of every difference."""


class IntermediateSpec(Frozen):
    """An intermediate: one task, or several at once; `none` is no task at all.

    A task is written `mnli`, or with the languages of its train rows, `mnli@sw` or `mnli@de+ru+sw`; one with tags on
    first visible subwords `udpos@first-visible` or `udpos@first-visible@de`; multiple choice by likelihood
    `siqa@likelihood`. Whatever the languages, its checkpoint is picked on dev rows of the task's own language.
    """

    name: Label
    tasks: Annotated[tuple[Label, ...], Field(max_length=1000)] = ()
    cap: Count | None = None
    """Of several tasks: rows beyond so many count for nothing when the updates are divided."""
    temperature: Annotated[float, Field(strict=True, ge=1, le=1e6)] | None = None
    """Of several tasks: their shares of the updates are proportional to rows ** (1 / temperature); 1 without it."""
    heads: Literal["own", "shared"] | None = None
    """Of several tasks: whether each has a head of its own (so without it), or those with equal labels share one."""
    lm: LmSpec | None = None
    """Language modelling beside the tasks: causal for decoders, masked for encoders."""
    mlm: LmSpec | None = None
    """The same, and masked for every model."""
    vision: VisionSpec | None = None
    """Of image-text: its vision tower, where it is not the sweep's."""
    captions_of: Label | None = None
    """Instead of tasks: the captions of an image-text intermediate of this sweep, without the images. Texts, rows of an
    update and updates are that one's, so what differs is the images."""
    objective: Literal["translation-ranking", "masked-lm"] | None = None
    """Of captions: what is learnt from them; without it, translation ranking, of each caption and that of the same
    image in the next language."""
    updates_of: Label | None = None
    """An intermediate of this sweep whose number of updates and rows of an update this one has, too."""

    @property
    def is_none(self) -> bool:
        return self.name == NONE

    @property
    def text(self) -> LmSpec | None:
        """What is read beside the tasks."""
        return self.lm or self.mlm

    def text_objective(self, shape: ModelShape | None) -> str:
        """The objective on `text` of a model of this shape; one that is not known is taken to be an encoder."""
        return CAUSAL_LM if self.lm is not None and shape is not None and shape.causal is not None else MASKED_LM

    @property
    def matched_to(self) -> str | None:
        """The intermediate whose updates and rows of an update it has."""
        return self.captions_of or self.updates_of

    @property
    def role(self) -> Literal["none", "image-text", "caption-only", "text"]:
        """Its part in the question whether images help."""
        if self.is_none:
            return "none"
        if self.captions_of is not None:
            return "caption-only"
        return "image-text" if self.has_images else "text"

    @property
    def has_images(self) -> bool:
        """Whether it is trained on images."""
        tasks = () if self.is_none else (get_task(in_languages(name)[0]) for name in self.tasks)
        return any(get_task_type(task.type).image_column for task in tasks)


class ModelSpec(Frozen):
    """Where a sweep starts: weights that exist (`start`), or an architecture and a tokenizer from nothing."""

    start: Place | None = None
    """A hub id, or a path to a local directory (with a slash in front, or beginning with `./` or `~`)."""
    revision: Revision | None = None
    """Commit of the hub's model."""
    architecture: dict[str, int | float | str | bool] | None = None
    tokenizer: TokenizerSpec | None = None
    pretrain: tuple[PretrainSpec, ...] = ()
    """What phase one consists of, in order; a single one may stand without the list."""
    attention: Attention | None = None
    """Of a decoder: whether a token sees those before it alone, or all, in all phases; without it, as it was
    pretrained."""
    seed: Seed = 1
    family: Label | None = None
    """Models of one family are the points of one curve over size; without it: by their names (`questions`)."""
    twin: Label | None = None
    """Of a multimodal model: the text-only model of the sweep that it is compared with."""
    seen: Languages | None = None
    """Languages that it was pretrained on, where its name does not tell (`language_facts.pretraining_of`)."""

    @field_validator("architecture", mode="before")
    @classmethod
    def _plain_settings(cls, value: Any) -> Any:
        for key, item in value.items() if isinstance(value, dict) else ():
            if not isinstance(key, str) or not isinstance(item, int | float | str | bool):
                raise ValueError(f"{shown(key)} has {shown(item)}; give a number, a word, true or false")
        return value

    @field_validator("pretrain", mode="before")
    @classmethod
    def _one_pretrain(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @property
    def path(self) -> Path | None:
        """The local directory, if `start` is one (or `mini`, the model that comes with the project)."""
        if self.start == MINI:
            return Path(trainables.__file__).parent / "models" / MINI
        if self.start is not None and self.start.startswith(("/", "./", "../", "~")):
            path = local_path(self.start)
            return gguf_of(path) or path
        return None

    @property
    def text_tower(self) -> TextTower | None:
        """How its text tower is found, of a model that has several towers and is here, or is known."""
        if self.start is not None and self.start in ON_HUB:
            return TOWERS[ON_HUB[self.start]]
        if (path := self.path) is None:
            return None
        return TOWERS.get(read_whole_config(path / CONFIG, str(path))["model_type"])

    def shape(self) -> ModelShape | None:
        """The shape of the model; None where it is one of the hub whose configuration is not here yet.

        Raises UnsupportedModel when it is of no kind that can be trained here.
        """
        shape = self._shape()
        if shape is None or shape.causal is None or self.attention is None:
            return shape
        return replace(shape, causal=self.attention == "causal")

    def _shape(self) -> ModelShape | None:
        if self.architecture is not None:
            vocabulary = self.tokenizer.vocab_size if self.tokenizer is not None else None
            return shape_of(self.architecture, "the model", vocabulary)
        if (path := self.path) is not None:
            return shape_of(read_config(path / CONFIG), str(path))
        return hub_shape(self.start or "", self.revision or "")


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


def in_languages(name: str) -> tuple[str, tuple[str, ...]]:
    """A task as an intermediate names it, and the languages of its train rows (none: the task's own).

    >>> in_languages("mnli@de+sw")
    ('mnli', ('de', 'sw'))
    >>> in_languages("udpos@first-visible")
    ('udpos@first-visible', ())
    """
    task, at, languages = name.rpartition("@")
    return (task, tuple(languages.split("+"))) if at and not way_of(name) else (name, ())
