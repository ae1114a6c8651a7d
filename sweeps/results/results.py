"""From evaluation records to numbers: scores, table entries and averages.

A task's score in one language is the mean of its main metrics (QA: F1 and exact match), as XTREME has it. A table entry
is the mean over languages, then over seeds. Averages over targets are given with and without retrieval, because the
choice of retrieval baseline decides the headline of such a study.
"""

from __future__ import annotations

import csv
import json
import re
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from sweeps.plan.graph import Cell
from sweeps.results.similarity import similarities, write_similarities
from sweeps.state.collapse import CollapseNotes
from sweeps.state.rounds import rounds_of
from sweeps.state.selection import Stopped, settled, stopped_of
from sweeps.state.sweep import Sweep
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe
from trainables.steps import EvaluateResult, PerturbedCounts, split_counts
from trainables.task_types import get_task_type
from trainables.task_types.tagging.schema import BARE_SHARE
from trainables.tasks import get_task

Average = Literal["zero-shot", "xtreme"]


@dataclass(frozen=True)
class Number:
    """One measured number. `value` in percent."""

    model: str
    intermediate: str
    target: str
    language: str
    metric: str
    seed: int
    value: float
    collapsed: bool = False
    """Whether a training behind it has collapsed."""
    setting: str = ""
    """What the training has of its own, where several competed."""


@dataclass(frozen=True)
class Entry:
    """A table entry over the seeds of a cell: mean, standard deviation (None for one run), and how many runs.

    Where no seed has any part in a cell (a retrieval score of the starting model), its runs are one run. Runs that
    have `collapsed` are among them; `sound` is the mean of the others, where there are any of both.
    """

    mean: float
    sd: float | None
    runs: int
    collapsed: int = 0
    sound: float | None = None

    @classmethod
    def of(cls, values: Iterable[float], collapsed: Iterable[bool] = ()) -> Entry:
        numbers, lost = list(values), list(collapsed)
        sd = statistics.stdev(numbers) if len(numbers) > 1 else None
        kept = [number for number, gone in zip(numbers, lost, strict=True) if not gone] if any(lost) else []
        sound = statistics.fmean(kept) if kept else None
        return cls(statistics.fmean(numbers), sd, len(numbers), sum(lost), sound)

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.sd is None else f"{self.mean:.1f} ±{self.sd:.1f}"


def in_averages(targets: Iterable[str]) -> list[str]:
    """The targets that averages are over. One with labels in another place than the reference has them
    (`TASK@first-visible`), or whose rows were perturbed, is in none, and of several ways to read the choices of one
    task (`TASK`, `TASK@likelihood`) the first alone is."""
    first: dict[str, str] = {}
    for target in targets:
        task = get_task(target)
        if task.clean_of is None and (task.base is task or task.likelihood is not None):
            first.setdefault(task.base.name, target)
    return list(first.values())


class Results:
    """The numbers of the cells that are done."""

    def __init__(self, sweep: Sweep) -> None:
        self.spec, self.plan, self.store = sweep
        self.stopped = stopped_of(sweep)
        found = (settled(cell, self.store, self.stopped) for cell in self.plan.cells)
        self.cells = [one for one in found if one is not None and self.store.check(one.evaluation) is None]
        done = {cell.evaluation for cell in self.cells}
        self._scores = {step: EvaluateResult.of(self.store, step).metrics for step in done}
        self.missing = len(self.plan.cells) - len(self.cells)
        self.rounds = rounds_of(sweep) if self.missing else None
        """Rounds in which cells were chosen by what others had shown, where cells are missing."""
        self.collapse_notes = CollapseNotes(self.plan, self.store)
        self._cells = {(cell.model, cell.intermediate, cell.target, cell.seed): cell for cell in self.cells}
        self._languages: dict[tuple[str, Average], list[str]] = {}

    def numbers(self) -> list[Number]:
        """Every number, in the order of the grid."""
        return [
            Number(cell.model, cell.intermediate, cell.target, language, metric, cell.seed, value, collapsed, setting)
            for cell in self.cells
            for setting in (cell.variants[0].setting,)
            for collapsed in (self.collapse_notes.collapse_behind(cell.evaluation) is not None,)
            for language, metrics in self._scores[cell.evaluation].items()
            for metric, value in sorted(metrics.items())
        ]

    def unlabelled(self) -> dict[str, list[str]]:
        """Languages of each target that have predictions but no labels to score them by."""
        found: dict[str, list[str]] = {}
        for cell in self.cells:
            without = [name for name, metrics in self._scores[cell.evaluation].items() if not metrics]
            if without:
                found[cell.target] = without
        return found

    def about_the_data(self) -> dict[tuple[str, str], list[str]]:
        """What is to be known of the rows of a target, as their source says it: (target, remark) -> languages."""
        found: dict[tuple[str, str], list[str]] = {}
        for target, step in {cell.target: cell.evaluation for cell in self.cells}.items():
            recipe = self.plan.steps[step].recipe
            assert isinstance(recipe, EvaluateRecipe)
            counts = split_counts(self.store, recipe.data)
            for language in recipe.languages:
                remark = re.search(r"\((.+)\)$", counts[f"test-{language}"].source)
                if remark is not None:
                    found.setdefault((target, remark[1]), []).append(language)
        return found

    def bare_words(self) -> dict[tuple[str, str], dict[str, float]]:
        """Of targets that label words: (target, model) -> language -> the share of its test words that begin with a
        bare space sign, where that is large."""
        found: dict[tuple[str, str], dict[str, float]] = {}
        for cell in self.cells:
            recipe = self.plan.steps[cell.evaluation].recipe
            assert isinstance(recipe, EvaluateRecipe)
            if (cell.target, cell.model) not in found and get_task_type(recipe.task.type).labels_words:
                counts = split_counts(self.store, recipe.data)
                tests = ((language, counts[f"test-{language}"]) for language in recipe.languages)
                shares = {language: one.bare_words / max(1, one.words) for language, one in tests}
                found[cell.target, cell.model] = {name: one for name, one in shares.items() if one > BARE_SHARE}
        return found

    def perturbed(self) -> dict[str, dict[str, PerturbedCounts]]:
        """Of perturbed targets: target -> language -> how much of its rows is changed, where that was counted."""
        found: dict[str, dict[str, PerturbedCounts]] = {}
        for target, step in {cell.target: cell.evaluation for cell in self.cells}.items():
            recipe = self.plan.steps[step].recipe
            assert isinstance(recipe, EvaluateRecipe)
            counts = split_counts(self.store, recipe.data)
            for language in recipe.languages:
                if (one := counts[f"test-{language}"].perturbed) is not None:
                    found.setdefault(target, {})[language] = one
        return found

    def remarks(self) -> dict[tuple[str, str], list[str]]:
        """What was found in the rows that the sweep has read: (task and split, remark) -> languages."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for step in self.plan.steps.values():
            if isinstance(step.recipe, DataRecipe) and self.store.done(step.id):
                counts = split_counts(self.store, step.id)
                for rows in step.recipe.rows:
                    for remark in counts[rows.name].remarks if rows.name in counts else ():
                        found.setdefault((f"{step.recipe.task.name} {rows.split}", remark), {})[rows.language] = None
        return {key: list(languages) for key, languages in found.items()}

    def languages(self, target: str, average: Average) -> list[str]:
        """The languages that a target's average is over: those with labels; for `zero-shot` not the training one."""
        if (target, average) not in self._languages:
            task = get_task(target)
            scored = {
                language
                for cell in self.cells
                if cell.target == target
                for language, metrics in self._scores[cell.evaluation].items()
                if metrics and (average == "xtreme" or language != task.train_language)
            }
            self._languages[target, average] = [language for language in task.languages if language in scored]
        return self._languages[target, average]

    def entry(
        self,
        model: str,
        intermediate: str,
        targets: Iterable[str],
        languages: Iterable[str] | None,
        average: Average,
    ) -> Entry | None:
        """Mean over `targets` (each over its languages, or `languages`), per seed, then over seeds.

        None while a part of it is not there.
        """
        runs: dict[tuple[str, ...], float] = {}
        for seed in self.spec.seeds:
            values = {target: self.score(model, intermediate, target, seed, languages, average) for target in targets}
            if None in values.values():
                return None
            steps = tuple(self._cells[model, intermediate, target, seed].evaluation for target in values)
            runs[steps] = statistics.fmean(value for value in values.values() if value is not None)
        lost = (any(map(self.collapse_notes.collapse_behind, steps)) for steps in runs)
        return Entry.of(runs.values(), lost) if runs else None

    def score(
        self,
        model: str,
        intermediate: str,
        target: str,
        seed: int,
        languages: Iterable[str] | None,
        average: Average,
    ) -> float | None:
        """A cell's mean over the target's languages, or over `languages`; None while a part of it is not there."""
        cell = self._cells.get((model, intermediate, target, seed))
        over = self.languages(target, average) if languages is None else list(languages)
        if cell is None or not over:
            return None
        task, scores = get_task(target), self._scores[cell.evaluation]
        if any(not scores.get(language) for language in over):
            return None
        return statistics.fmean(task.score(scores[language]) for language in over)

    def stopped_in(self, cell: Cell) -> list[Stopped]:
        """The trainings of a cell that were stopped, where all of them were."""
        found = [self.stopped[one.training] for one in cell.variants if one.training in self.stopped]
        return found if len(found) == len(cell.variants) else []

    def columns(self, average: Average) -> dict[str, list[str]]:
        """Heading -> the targets that a column is the mean of. A target without labels has no column; for `zero-shot`
        neither has one whose rows are in the training language alone."""
        targets = [t.task for t in self.spec.targets if self.languages(t.task, average)]
        columns = {target: [target] for target in targets}
        counted = in_averages(targets)
        other = [target for target in counted if not get_task_type(get_task(target).type).searches]
        if len(counted) > 1:
            columns["average"] = counted
        if len(other) < len(counted) and len(other) > 1:
            columns["avg. without retrieval"] = other
        return columns

    def means(self) -> dict[str, float]:
        """The zero-shot averages over all targets, with and without retrieval, by heading and intermediate."""
        found = {}
        for heading, targets in self.columns("zero-shot").items():
            for model, intermediate in product(self.spec.models, self.spec.intermediate_names):
                entry = self.entry(model, intermediate, targets, None, "zero-shot") if len(targets) > 1 else None
                if entry is not None:
                    name = f"{heading.replace('avg.', 'average')}/{intermediate}"
                    found[f"{model}/{name}" if len(self.spec.models) > 1 else name] = entry.mean
        return found

    def write(self, folder: Path) -> Path:
        """Write every number as `numbers.csv` and `numbers.json`, and those of analyses as `similarity.parquet` and
        `similarity.csv`; the path of the first."""
        folder.mkdir(parents=True, exist_ok=True)
        write_similarities(similarities(self.plan, self.store), folder)
        rows = [asdict(number) for number in self.numbers()]
        (folder / "numbers.json").write_text(json.dumps(rows, indent=1))
        with (folder / "numbers.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(Number.__dataclass_fields__))
            writer.writeheader()
            writer.writerows(rows)
        return folder / "numbers.csv"
