"""XTREME and XTREME-R as their reference evaluator defines them (google-research/xtreme, ``evaluate.py``).

Languages stand in the reference's order. What it leaves open for XTREME-R is decided here:

- **LAReQA** has no languages, metric or group there, so that no total can ever come out. Here it has the eleven
  languages of XQuAD-R, mean average precision at 20 (the measure of the reference's own LAReQA script, whose mean over
  all questions is the mean over languages, as each language has the same questions), a place in the total of ten
  tasks, and no group: the groups, "retrieval" too, are the reference's.
- **XCOPA** stands in two groups there, "classification" and "multi_choice", and does here; in the total it counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trainables.tasks.benchmarks import BENCHMARKS, BenchmarkTask
from trainables.tasks.registry import get_task

Layout = Literal["labels", "indices", "tags", "pairs", "answers", "choices", "ranked"]
Measure = Literal["accuracy", "chunks", "pairs", "squad", "mlqa", "map@20"]

DEPTH = 20
"""How many candidates of a ranked list count."""
_MAIN: Mapping[Measure, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "chunks": ("f1",),
    "pairs": ("f1",),
    "squad": ("exact_match", "f1"),
    "mlqa": ("exact_match", "f1"),
    "map@20": (f"map@{DEPTH}",),
}
_EXTENSIONS: Mapping[Layout, str] = {"answers": "json", "ranked": "json", "choices": "jsonl"}


@dataclass(frozen=True, kw_only=True)
class SuiteTask:
    """One task of a suite.

    Attributes:
        name: the name of its folder.
        layout: what its files look like (see `layout`).
        measure: how a language is scored.
        languages: all of them count, each as much as any other; English too.
        labels: what a written file may hold, where the suite says so. Scoring takes any label.
        first_label_only: of the right candidates of a query only the first counts (Mewsli-X lists one anyway).
    """

    name: str
    layout: Layout
    measure: Measure
    languages: tuple[str, ...]
    labels: tuple[str, ...] = ()
    first_label_only: bool = False

    @property
    def main_metrics(self) -> tuple[str, ...]:
        """Their mean is the task's score: of QA the mean of exact match and F1."""
        return _MAIN[self.measure]

    @property
    def extension(self) -> str:
        return _EXTENSIONS.get(self.layout, "tsv")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A benchmark. Its total is the plain mean of its tasks, a group's score that of the group's tasks.

    Attributes:
        name: what the command line calls it.
        tasks: by name.
        groups: names of tasks by name of the group. A task may be in several, or in none.
    """

    name: str
    tasks: Mapping[str, SuiteTask]
    groups: Mapping[str, tuple[str, ...]]


# How each task's files look and how they are scored. Which labels a file may hold is the record's to say.
_SHAPES: Mapping[str, tuple[Layout, Measure]] = {
    "xnli": ("labels", "accuracy"),
    "pawsx": ("labels", "accuracy"),
    "udpos": ("tags", "chunks"),
    "panx": ("tags", "chunks"),
    "xquad": ("answers", "squad"),
    "mlqa": ("answers", "mlqa"),
    "tydiqa": ("answers", "squad"),
    "bucc2018": ("pairs", "pairs"),
    "tatoeba": ("indices", "accuracy"),
    "xcopa": ("choices", "accuracy"),
    "mewslix": ("ranked", "map@20"),
    "lareqa": ("ranked", "map@20"),
}
_GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "xtreme": {
        "classification": ("pawsx", "xnli"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    "xtreme-r": {
        "classification": ("xnli", "xcopa"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "mewslix"),
        "multi_choice": ("xcopa",),
    },
}


def _task(entry: BenchmarkTask) -> SuiteTask:
    layout, measure = _SHAPES[entry.task]
    return SuiteTask(
        name=entry.task,
        layout=layout,
        measure=measure,
        languages=entry.languages,
        labels=get_task(entry.task).labels,
        first_label_only=entry.task == "mewslix",
    )


SUITES: Mapping[str, Suite] = {
    name: Suite(name=name, tasks={entry.task: _task(entry) for entry in entries}, groups=_GROUPS[name])
    for name, entries in BENCHMARKS.items()
}


def get_suite(name: str) -> Suite:
    """The suite of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in SUITES:
        raise ValueError(f'there is no suite "{name}"; there are {", ".join(SUITES)}')
    return SUITES[name]
