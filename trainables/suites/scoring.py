"""Scores a folder of predictions against a folder of labels, as the reference evaluator of XTREME does.

Per task each metric is the plain mean over the task's languages, the task's score the mean of its main metrics, a
group's score the mean of its tasks, the total the mean of all tasks. What is not complete has no score: a task without
a file of one of its languages, a group without one of its tasks, a total without one of all. (The reference stops at a
task that lacks a file.) Part-of-speech tags are scored by chunks as seqeval 0.0.12 has them (see `metrics.tagging`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from trainables.metrics.classification import accuracy_scores
from trainables.metrics.mlqa import mlqa_normaliser
from trainables.metrics.overlap import overlap_scores
from trainables.metrics.ranking import mean_average_precision
from trainables.metrics.squad import answer_scores, normalize_answer
from trainables.metrics.tagging import chunks_through
from trainables.suites import layout
from trainables.suites.definitions import DEPTH, SUITES, Measure, Suite, SuiteTask
from trainables.suites.layout import Unreadable, file_of
from trainables.suites.manifest import MANIFEST, changed

Metrics = dict[str, float]
"""Percent by name of the metric."""


class WrongFiles(ValueError):
    """Folders or files that cannot be scored; `lines` are what is wrong, one each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """The languages of a task for which there is no file."""

    predictions: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SuiteScore:
    """What two folders come to.

    Attributes:
        languages: metrics by task and language; a task that has no folder on either side is not in it.
        absent: what is missing, by task; a task that lacks nothing is not in it.
        notes: what a reader should know of the files, a line each.
    """

    suite: Suite
    languages: Mapping[str, Mapping[str, Metrics]]
    absent: Mapping[str, Absent]
    notes: Sequence[str]

    def metrics(self, task: str) -> Metrics | None:
        """Means over the languages of a task; None if it lacks one."""
        if task in self.absent:
            return None
        scored = list(self.languages[task].values())
        return {name: fmean(metrics[name] for metrics in scored) for name in scored[0]}

    def task(self, name: str) -> float | None:
        """The score of a task; None if it lacks a language."""
        metrics = self.metrics(name)
        return None if metrics is None else fmean(metrics[main] for main in self.suite.tasks[name].main_metrics)

    def group(self, name: str) -> float | None:
        """The score of a group; None if it lacks a task."""
        return self._mean(self.suite.groups[name])

    def total(self) -> float | None:
        """The score of the suite; None if it lacks a task."""
        return self._mean(tuple(self.suite.tasks))

    def _mean(self, tasks: Sequence[str]) -> float | None:
        scores = [score for name in tasks if (score := self.task(name)) is not None]
        return fmean(scores) if len(scores) == len(tasks) else None

    def to_json(self) -> dict[str, Any]:
        """For programs: everything, with None for what is not complete."""
        return {
            "suite": self.suite.name,
            "total": self.total(),
            "groups": {
                name: {"score": self.group(name), "tasks": list(tasks), "missing": self.missing(tasks)}
                for name, tasks in self.suite.groups.items()
            },
            "tasks": {
                name: {
                    "score": self.task(name),
                    "metrics": self.metrics(name),
                    "languages": self.languages.get(name, {}),
                }
                for name in self.suite.tasks
            },
            "missing": {
                name: {"predictions": list(lack.predictions), "labels": list(lack.labels)}
                for name, lack in self.absent.items()
            },
            "notes": list(self.notes),
        }

    def missing(self, tasks: Sequence[str]) -> list[str]:
        """Those of `tasks` that have no score."""
        return [name for name in tasks if name in self.absent]


def score_folders(predictions: Path, labels: Path, suite: Suite) -> SuiteScore:
    """Score whatever is in both folders.

    Raises:
        WrongFiles: a folder is not there, the two have no task of the suite in common, or files are not in their
            layout or do not fit each other.
    """
    gone = [folder for folder in (predictions, labels) if not folder.is_dir()]
    if gone:
        raise WrongFiles([f"{folder}: no such folder; give one that holds a folder for each task" for folder in gone])
    wrong: list[str] = []
    languages: dict[str, dict[str, Metrics]] = {}
    absent: dict[str, Absent] = {}
    notes = _strangers(predictions) + [
        f"{predictions / file}: not what {predictions / MANIFEST} says was written" for file in changed(predictions)
    ]
    for task in suite.tasks.values():
        lack = Absent(predictions=_without(predictions, task), labels=_without(labels, task))
        if lack.predictions or lack.labels:
            absent[task.name] = lack
        for language in task.languages:
            if language in (*lack.predictions, *lack.labels):
                continue
            files = file_of(predictions, task, language), file_of(labels, task, language)
            try:
                metrics, remarks = _MEASURES[task.measure](task, language, *files)
            except Unreadable as problem:
                wrong.append(str(problem))
                continue
            languages.setdefault(task.name, {})[language] = metrics
            notes += remarks
    if wrong:
        raise WrongFiles(wrong)
    if not languages:
        raise WrongFiles(
            [f"{predictions} and {labels} have no task of {suite.name} in common; its tasks: {', '.join(suite.tasks)}"]
        )
    return SuiteScore(suite=suite, languages=languages, absent=absent, notes=notes)


def _without(folder: Path, task: SuiteTask) -> tuple[str, ...]:
    return tuple(language for language in task.languages if not file_of(folder, task, language).exists())


def _strangers(folder: Path) -> list[str]:
    """A line for each folder that is no task of any suite: most likely a name misspelt."""
    known = {name for suite in SUITES.values() for name in suite.tasks}
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name not in known)
    return [f"{folder / name}: no task has this name, so it is not scored" for name in found]


# --- one language of one task: its metrics, and what should be known of its files ------------------------------

Scored = tuple[Metrics, list[str]]


def _accuracy(task: SuiteTask, language: str, predictions: Path, labels: Path) -> Scored:
    read: Callable[[Path], list[Any]] = layout.read_choices if task.layout == "choices" else layout.read_lines
    predicted, gold = read(predictions), read(labels)
    _same_number(predictions, len(predicted), labels, len(gold), "lines")
    if not gold:
        raise Unreadable(f"{labels}: empty, so there is nothing to score; give the labels of the test set")
    return accuracy_scores(predicted, gold), []


def _chunks(task: SuiteTask, language: str, predictions: Path, labels: Path) -> Scored:
    predicted, gold = layout.read_sentences(predictions), layout.read_sentences(labels)
    _same_number(predictions, len(predicted), labels, len(gold), "sentences")
    notes = []
    uneven = [number for number, pair in enumerate(zip(predicted, gold, strict=True), 1) if len({*map(len, pair)}) > 1]
    if uneven:
        notes.append(
            f"{predictions}: {len(uneven)} sentences (number {uneven[0]} first) have another number of tags than in "
            f"{labels}; as in the reference, the chunks after such a sentence stand elsewhere"
        )
    return overlap_scores(chunks_through(predicted), chunks_through(gold)), notes


def _pairs(task: SuiteTask, language: str, predictions: Path, labels: Path) -> Scored:
    return overlap_scores(layout.read_pairs(predictions), layout.read_pairs(labels)), []


def _answers(task: SuiteTask, language: str, predictions: Path, labels: Path) -> Scored:
    questions = list(layout.questions(labels))
    if not questions:
        raise Unreadable(f"{labels}: it has no question, so there is nothing to score; give the labels of the test set")
    texts = layout.read_json(predictions)
    if isinstance(texts, list | str) and not any(name in texts for name, _ in questions):
        texts = {}  # the reference asks only whether the ids are in it
    if not isinstance(texts, dict):
        raise Unreadable(f"{predictions}: not a JSON object from question id to text; write {{id: text}}")
    answered: list[tuple[str | None, list[str]]] = []
    for name, question in questions:
        if name not in texts:
            answered.append((None, []))
            continue
        if not isinstance(texts[name], str):
            raise Unreadable(f"{predictions}: the answer to {name!r} is {texts[name]!r}, no text; write a text")
        answered.append((texts[name], layout.answer_texts(labels, question)))
    normalise = mlqa_normaliser(language) if task.measure == "mlqa" else normalize_answer
    notes = _differences(predictions, "questions", {name for name, _ in questions}, texts)
    return answer_scores(answered, normalise), notes


def _ranked(task: SuiteTask, language: str, predictions: Path, labels: Path) -> Scored:
    gold, ranked = layout.read_json(labels), layout.read_json(predictions)
    if gold == {}:
        return mean_average_precision({}, {}, DEPTH), [f"{labels}: it has no query, which counts 0 in the reference"]
    for path, value in ((labels, gold), (predictions, ranked)):
        if not isinstance(value, dict):
            raise Unreadable(f"{path}: not a JSON object from query id to candidate ids; write {{id: [candidate]}}")
    relevant = {name: layout.right_candidates(labels, task, name, value) for name, value in gold.items()}
    cut = {name: layout.first_candidates(predictions, name, ranked[name]) for name in gold if name in ranked}
    return mean_average_precision(cut, relevant, DEPTH), _differences(predictions, "queries", gold.keys(), ranked)


_MEASURES: Mapping[Measure, Callable[[SuiteTask, str, Path, Path], Scored]] = {
    "accuracy": _accuracy,
    "chunks": _chunks,
    "pairs": _pairs,
    "squad": _answers,
    "mlqa": _answers,
    "map@20": _ranked,
}


def _same_number(predictions: Path, found: int, labels: Path, wanted: int, what: str) -> None:
    if found != wanted:
        raise Unreadable(f"{predictions}: {found} {what}, but {labels} has {wanted}; give as many, in the same order")


def _differences(path: Path, what: str, asked: Any, given: Mapping[str, Any]) -> list[str]:
    notes = []
    if missing := len(asked - given.keys()):
        notes.append(f"{path}: {missing} of {len(asked)} {what} have no prediction and count 0")
    if extra := len(given.keys() - asked):
        notes.append(f"{path}: {extra} predictions are for {what} that the labels do not have, and are ignored")
    return notes
