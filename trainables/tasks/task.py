"""What a task is: one record, which says everything that the project knows of it.

A :class:`Task` says which rows exist (languages, labels, how many, how long), which task type reads them, how they are
scored and with which settings they are trained on, where they lie, and whose they are. It does not hold the rows: those
come from a :class:`~trainables.tasks.sources.Source`.

To add a task of this project, write its record into the module of its group in :mod:`trainables.tasks.records`; in a
module of your own, make a `Task` and give it to `trainables.tasks.register_task` (a sweep file names that module under
`plugins`). The least that it needs is a name, a type, languages and metrics::

    register_task(
        Task(
            name="my-nli",
            type="pair-classification",
            languages=("de", "sw"),                       # of its test rows
            labels=("yes", "no"),
            trains_on=("my-nli",),                        # what a target of this name is trained on
            has_train=True,
            main_metrics=("accuracy",),
            settings={"own": Defaults(max_length=128, batch_size=32, learning_rate=1e-5, epochs=3)},
        )
    )

Its rows are then read from `rows/my-nli/SPLIT-LANGUAGE.jsonl` in the data folder. With `folder` they may lie there in a
form of their own, with `hub` they come from a data set of the hub. What a record leaves out is said in one line by the
command that would need it; whether a record of this project is whole is said by the tests
(:mod:`trainables.tasks.checks`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trainables.recipe.likelihood import Likelihood, Prompt
from trainables.recipe.perturbation import Perturbation
from trainables.recipe.tasks import TaskSpec
from trainables.task_types import Length, get_task_type
from trainables.tasks.hyperparameters import FALLBACKS, Defaults

if TYPE_CHECKING:
    from trainables.tasks.sources.folder.located import Finder
    from trainables.tasks.sources.hub.table import HubTable

Split = Literal["train", "dev", "test", "pool", "submission", "shots"]
ShotsIn = Literal["english", "own"]
"""Whose rows stand in prompts before others: English ones everywhere, or those of the language that is evaluated."""
HUB = "hub"
"""Where data are, when they are not in a folder."""
POOL_LANGUAGE = "mul"
"""The language of "pool" rows: what dense retrieval searches in, in all languages at once."""


def told_apart(labels: Iterable[str], counts_as: Mapping[str, str]) -> tuple[str, ...]:
    """The labels that are left where some count as others, in their order."""
    return tuple(dict.fromkeys(counts_as.get(label, label) for label in labels))


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Whose the data of a task are. The same cells are in `LICENCES.md`."""

    data: str
    """Which data the task reads."""
    source: str
    """Where they are to be had; every hub data set that the record names stands here, too."""
    terms: str
    """Their licence."""


NOT_STATED = Licence(data="not stated", source="not stated", terms="not stated")


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One task of a sweep: an intermediate, a target, or training data for a target of another name.

    Two tasks are equal when they are the same record.

    Attributes:
        name: what a sweep file calls it.
        type: name of its task type: how its rows are batched, what head it has, how it is scored.
        source: ``"files"`` (a folder in the XTREME download layout, or the hub) or ``"generated"``.
        train_language: language of its train and dev rows, and the query language of retrieval.
        languages: the languages that "test" rows may exist in, in the benchmark's order; which of them a
            given folder holds is said by ``Source.check``. For text: the languages that "train" and "dev" text
            exists in.
        other_train_languages: further languages that "train" rows may exist in, translated or native. Dev
            rows are in the train language alone.
        labels: the classes of pair-classification, the tags of tagging; their order is the order of the
            head's outputs.
        labels_in_data: the labels are those of the train rows (``sources.labels_of``): a licence keeps them out of
            the record.
        placeholders: labels that public copies of the test sets have in every row, in place of labels: where one of
            them stands in every test row, the rows have no labels.
        trains_on: the tasks that a target of this name is trained on, one after the other, each from the
            backbone of the one before (mostly one, often itself); empty for what is never a target or, as
            retrieval, is evaluated without training.
        parts: tasks with the same labels whose rows together are this task's rows, under one head.
        has_train: whether it has train and dev rows, so that it may be an intermediate or another target's
            training data.
        reading_of: of `TASK@first-visible` the record of TASK, whose rows and settings it has; its labels are on the
            first visible subwords of words (`label_position`). So of `TASK@likelihood`, which has `likelihood`, and of
            perturbed ones, which have `perturbation`.
        label_position: where labels of words are, if not on the first subwords.
        perturbation: how its test rows are made of those of `clean_of`, which it is in all else.
        likelihood: how the likelihood of its answers is had.
        shots_in: of it: which rows stand before others.
        clean_of: of a perturbed or adversarial test set the task that it is set against: a target of it is the trained
            model of that one, evaluated on these rows. Rows that were made of one row have its id. It is never trained
            on, and is in no average over targets.
        counts_as: of labels that are not told apart in its test rows: what they count as there, in its rows and when
            it is scored ("neutral" as "non-entailment").
        prompt: of multiple choice: how a language model is asked; ``None``: by the prompt as it is.
        shots: the languages in which it has rows of the split "shots", which stand in prompts before others; a task
            that has none of them has its dev rows stand there.
        scorer: how predictions are scored, where the task type's own way is not the task's: "mlqa".
        main_metrics: their mean is the task's score in averages; in percent, but for a loss (nats).
        select_metric: what picks the checkpoint on dev: a key of the metrics, or ``"score"`` for the mean of
            ``main_metrics``.
        select_mode: whether a larger ("max") or a smaller ("min") value of ``select_metric`` is better.
        folder: finds its rows in a data folder (`sources.folder`); ``None``: it has no form of its own there.
        hub: where its rows lie on the hub.
        place: of a task from a file: where its rows lie (a folder, or "hub") unless a sweep says so of this very task.
        reading: of a task from a file, by split and language ("test-sw"): a digest of how its rows are read.
        settings: how it is trained, by published set (`hyperparameters`) or ``"own"``. A task that is trained like
            another one shares that one's settings.
        expected_rows: rows by split and language that a benchmark says there are; `data check` compares.
        estimated_rows: rows that estimates of cost go by, and that no check insists on: remembered, counted on one
            copy, or fewer because this project holds some out. They go before `expected_rows`.
        lengths: usual length of a row by split, at the study's maximal lengths (256; QA 384; vectors 512); dev rows are
            as long as train rows. ``None`` for a split: as the task type has it.
        licence: whose its data are; ``None``: not stated, or there are none (generated).
        version: bumped by hand when the meaning of its rows changes; part of every recipe that reads them.
    """

    name: str
    type: str
    source: Literal["files", "generated"] = "files"
    train_language: str = "en"
    languages: tuple[str, ...]
    other_train_languages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    labels_in_data: bool = False
    placeholders: tuple[str, ...] = ()
    trains_on: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    has_train: bool
    reading_of: Task | None = None
    label_position: Literal["first-visible"] | None = None
    perturbation: Perturbation | None = None
    clean_of: str | None = None
    counts_as: Mapping[str, str] = field(default_factory=dict)
    likelihood: Likelihood | None = None
    shots_in: ShotsIn = "english"
    prompt: Prompt | None = None
    shots: tuple[str, ...] = ()
    scorer: str = ""
    main_metrics: tuple[str, ...]
    select_metric: str = "score"
    select_mode: Literal["max", "min"] = "max"
    folder: Finder | None = None
    hub: tuple[HubTable, ...] = ()
    place: str = ""
    reading: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Defaults] = field(default_factory=dict)
    expected_rows: Mapping[Split, Mapping[str, int]] = field(default_factory=dict)
    estimated_rows: Mapping[Split, Mapping[str, int]] = field(default_factory=dict)
    lengths: Mapping[Split, Length] = field(default_factory=dict)
    licence: Licence | None = None
    version: int = 1

    @property
    def base(self) -> Task:
        """The task whose rows and settings it has: itself, or `udpos` of `udpos@first-visible`."""
        return self.reading_of or self

    @property
    def shot_split(self) -> Split:
        """The split whose rows stand in prompts before others."""
        return "shots" if self.shots else "dev"

    @property
    def trained_as(self) -> str:
        """The name by which a sweep file says how it is trained: a perturbed or adversarial one is the clean one."""
        return self.clean_of or self.name

    @property
    def row_labels(self) -> tuple[str, ...]:
        """The labels that its rows have."""
        return told_apart(self.labels, self.counts_as)

    def score(self, metrics: Mapping[str, float]) -> float:
        """The one number of this task in a table: the mean of its main metrics."""
        return statistics.fmean(metrics[name] for name in self.main_metrics)

    def selection(self, metrics: Mapping[str, float]) -> float:
        """The value of dev ``metrics`` that picks the checkpoint; compare by ``select_mode``."""
        return self.score(metrics) if self.select_metric == "score" else metrics[self.select_metric]

    @property
    def train_languages(self) -> tuple[str, ...]:
        """The languages that train rows may exist in."""
        if get_task_type(self.type).reads_text:
            return self.languages
        return (self.train_language, *self.other_train_languages) if self.has_train else ()

    def is_labelled(self, row: Mapping[str, Any]) -> bool:
        """Whether a row can be scored, or trained on."""
        return get_task_type(self.type).is_labelled(row)

    def defaults(self, hyperparameters: str) -> Defaults | None:
        """How it is trained by a published set, or by the first that speaks of it; ``None``: no set does."""
        return next((self.settings[name] for name in (hyperparameters, *FALLBACKS) if name in self.settings), None)

    def usual_length(self, split: Split) -> Length:
        """Of its rows, where nothing is prepared yet."""
        like: dict[Split, Split] = {"dev": "train", "submission": "test", "shots": "test"}
        return self.lengths.get(like.get(split, split)) or get_task_type(self.type).usual_length

    def row_counts(self, split: Split) -> Mapping[str, int]:
        """Rows by language for an estimate of cost, as far as they are known."""
        split = "test" if split == "submission" else split
        return {**self.expected_rows.get(split, {}), **self.estimated_rows.get(split, {})}

    def spec(self, type: str | None = None, labels: tuple[str, ...] | None = None) -> TaskSpec:
        """What a recipe holds of this task; `type` and `labels` where they are not its own."""
        task_type = get_task_type(type or self.type)
        return TaskSpec(
            name=self.base.name,
            version=self.version,
            type=task_type.name,
            type_version=task_type.version,
            source=self.source,
            labels=self.labels if labels is None else labels,
            scorer=self.scorer,
            label_position=self.label_position,
            likelihood=self.likelihood,
            counts_as=tuple(sorted(self.counts_as.items())) or None,
        )


class UnknownTask(ValueError):
    """No task has this name; ``suggestion`` is the nearest name there is, if any is near."""

    def __init__(self, name: str, suggestion: str | None, reason: str = "") -> None:
        self.name = name
        self.suggestion = suggestion
        hint = f'; did you mean "{suggestion}"?' if suggestion else ""
        super().__init__(f'there is no task "{name}"{reason}{hint}')
