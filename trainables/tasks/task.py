"""What a task is: data plus one type.

A :class:`Task` says which rows exist (languages, labels), which task type reads them, how they are scored and
with which settings they are trained on. It does not hold the rows: those come from a
:class:`~trainables.tasks.sources.Source`. The table of all tasks is in :mod:`trainables.tasks.records`.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trainables.recipe.recipes import TaskSpec
from trainables.task_types import get_task_type

Split = Literal["train", "dev", "test", "pool"]
POOL_LANGUAGE = "mul"
"""The language of "pool" rows: what dense retrieval searches in, in all languages at once."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of a sweep: an intermediate, a target, or training data for a target of another name.

    Attributes:
        name: what a sweep file calls it.
        type: name of its task type: how its rows are batched, what head it has, how it is scored.
        source: ``"files"`` (a folder in the XTREME download layout, or the hub) or ``"generated"``.
        train_language: language of its train and dev rows, and the query language of retrieval.
        languages: the languages that "test" rows may exist in, in the benchmark's order; which of them a
            given folder holds is said by ``Source.check``. For masked-lm: the languages that "train" and
            "dev" text exists in.
        other_train_languages: further languages that "train" rows may exist in, translated or native. Dev
            rows are in the train language alone.
        labels: the classes of pair-classification, the tags of tagging; their order is the order of the
            head's outputs.
        labels_in_data: the labels are those of the train rows (``Source.labels``): a licence keeps them out of
            the registry.
        trains_on: the tasks that a target of this name is trained on, one after the other, each from the
            backbone of the one before (mostly one, often itself); empty for what is never a target or, as
            retrieval, is evaluated without training.
        parts: tasks with the same labels whose rows together are this task's rows, under one head.
        has_train: whether it has train and dev rows, so that it may be an intermediate or another target's
            training data.
        scorer: how predictions are scored, where the task type's own way is not the task's: "mlqa".
        main_metrics: their mean is the task's score in averages; in percent, but for masked-lm's loss (nats).
        select_metric: what picks the checkpoint on dev: a key of the metrics, or ``"score"`` for the mean of
            ``main_metrics``.
        select_mode: whether a larger ("max") or a smaller ("min") value of ``select_metric`` is better.
        version: bumped by hand when the meaning of its rows changes; part of every recipe that reads them.
    """

    name: str
    type: str
    source: Literal["files", "generated"]
    train_language: str
    languages: tuple[str, ...]
    other_train_languages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    labels_in_data: bool = False
    trains_on: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    has_train: bool
    scorer: str = ""
    main_metrics: tuple[str, ...]
    select_metric: str
    select_mode: Literal["max", "min"] = "max"
    version: int = 1

    def score(self, metrics: Mapping[str, float]) -> float:
        """The one number of this task in a table: the mean of its main metrics."""
        return statistics.fmean(metrics[name] for name in self.main_metrics)

    @property
    def train_languages(self) -> tuple[str, ...]:
        """The languages that train rows may exist in."""
        if get_task_type(self.type).reads_text:
            return self.languages
        return (self.train_language, *self.other_train_languages) if self.has_train else ()

    def spec(self, type: str | None = None, labels: tuple[str, ...] | None = None) -> TaskSpec:
        """What a recipe holds of this task; `type` and `labels` where they are not its own."""
        task_type = get_task_type(type or self.type)
        return TaskSpec(
            name=self.name,
            version=self.version,
            type=task_type.name,
            type_version=task_type.version,
            source=self.source,
            labels=self.labels if labels is None else labels,
            scorer=self.scorer,
        )

    def is_labelled(self, row: Mapping[str, Any]) -> bool:
        """Whether a row can be scored, or trained on."""
        return get_task_type(self.type).is_labelled(row)

    def selection(self, metrics: Mapping[str, float]) -> float:
        """The value of dev ``metrics`` that picks the checkpoint; compare by ``select_mode``."""
        return self.score(metrics) if self.select_metric == "score" else metrics[self.select_metric]


class UnknownTask(ValueError):
    """No task has this name; ``suggestion`` is the nearest name there is, if any is near."""

    def __init__(self, name: str, suggestion: str | None) -> None:
        self.name = name
        self.suggestion = suggestion
        hint = f'; did you mean "{suggestion}"?' if suggestion else ""
        super().__init__(f'there is no task "{name}"{hint}')
