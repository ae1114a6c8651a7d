"""What a task is: data plus one family.

A :class:`Task` says which rows exist (languages, labels), which family reads them, how they are scored and
with which settings they are trained on. It does not hold the rows: those come from a
:class:`~trainables.tasks.sources.Source`. The table of all tasks is in :mod:`trainables.tasks.registry`.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["pair-classification", "tagging", "span-qa", "retrieval", "masked-lm"]
Split = Literal["train", "dev", "test"]

# The columns of each family's rows, in order; every row has an "id" that is unique within its split and
# language. An unlabelled row keeps its columns and has label "", tags [] or answers {"text": [],
# "answer_start": []}.
FAMILY_COLUMNS: dict[Family, tuple[str, ...]] = {
    "pair-classification": ("id", "text_a", "text_b", "label"),
    "tagging": ("id", "tokens", "tags"),
    "span-qa": ("id", "question", "context", "answers"),
    "retrieval": ("id", "query", "candidate"),
    "masked-lm": ("id", "text", "translation"),
}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Optimisation defaults of a task; a sweep file may override each of them.

    ``max_length`` is in subwords and includes the special tokens; ``batch_size`` is the global batch in
    examples.
    """

    max_length: int
    batch_size: int
    learning_rate: float
    epochs: float


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of a sweep: an intermediate, a target, or training data for a target of another name.

    Attributes:
        name: what a sweep file calls it.
        family: how its rows are batched, what head it has, how it is scored.
        source: ``"files"`` (a folder in the XTREME download layout, or the hub) or ``"generated"``.
        train_language: language of its train and dev rows, and the query language of retrieval.
        languages: the languages that "test" rows may exist in, in the benchmark's order; which of them a
            given folder holds is said by ``Source.check``. For masked-lm: the languages that "train" and
            "dev" text exists in.
        labels: the classes of pair-classification, the tags of tagging; their order is the order of the
            head's outputs.
        trains_on: the task whose train and dev rows a target of this name is trained on (often itself);
            ``None`` for what is never a target or, as retrieval, is evaluated without training.
        has_train: whether it has train and dev rows, so that it may be an intermediate or another target's
            training data.
        main_metrics: their mean is the task's score in averages; in percent, but for masked-lm's loss (nats).
        select_metric: what picks the checkpoint on dev: a key of the metrics, or ``"score"`` for the mean of
            ``main_metrics``.
        select_mode: whether a larger ("max") or a smaller ("min") value of ``select_metric`` is better.
        defaults: settings of the training that bears this task's name, be it as an intermediate or as a
            target; ``None`` for what is never trained.
        version: bumped by hand when the meaning of its rows changes; part of every recipe that reads them.
    """

    name: str
    family: Family
    source: Literal["files", "generated"]
    train_language: str
    languages: tuple[str, ...]
    labels: tuple[str, ...] = ()
    trains_on: str | None = None
    has_train: bool
    main_metrics: tuple[str, ...]
    select_metric: str
    select_mode: Literal["max", "min"] = "max"
    defaults: Defaults | None
    version: int = 1

    def score(self, metrics: Mapping[str, float]) -> float:
        """The one number of this task in a table: the mean of its main metrics."""
        return statistics.fmean(metrics[name] for name in self.main_metrics)

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
