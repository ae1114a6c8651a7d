"""The predictions of a sweep in a suite's submission layout: for `xstilts score` and the benchmark's own evaluator.

A folder for each model, intermediate and seed, `<model>/<intermediate>-seed<n>/<task>/test-<language>.<extension>`,
with a manifest; and once for all of them `labels/`, what is right, where the data says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset

from sweeps.plan.graph import Cell
from sweeps.state.selection import settled, stopped_of
from sweeps.state.sweep import Sweep
from trainables.data.prepare import load_split
from trainables.evaluation.predictions import read_predictions
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe
from trainables.recipe.tasks import SplitRef
from trainables.steps import split_counts
from trainables.suites import (
    Suite,
    Written,
    remove_listed,
    tatoeba_order,
    write_labels,
    write_manifest,
    write_predictions,
)
from trainables.suites.definitions import Layout
from trainables.task_types.bitext_mining.schema import partners
from trainables.task_types.choice_likelihood.schema import CHOSEN
from trainables.tasks import get_task

LABELS = "labels"
COLUMN = {
    "labels": "label",
    "tags": "tags",
    "pairs": "match",
    "choices": "label",
    "answers": "answers",
    "ranked": "matches",
}
"""The column of a task type's rows that says what is right."""
BY_ID: tuple[Layout, ...] = ("answers", "ranked", "pairs")
"""Layouts whose files name examples by their ids; in others the row tells which one it is."""


@dataclass(frozen=True)
class Exported:
    """What was written, and what a reader should know of it."""

    folders: list[Path]
    labels: Path | None
    notes: list[str]


def export_predictions(sweep: Sweep, suite: Suite, to: Path) -> Exported:
    """Write the predictions of every cell that is done, of tasks that the suite has, into folders below `to`.

    Only rows of the suite's own test sets are written: what its evaluator compares, row by row. A language in which the
    sweep has none of them, or a part, is left out and named in the notes.

    Raises:
        ValueError: nothing is left, or predictions do not fit the layout; nothing is written then.
        OSError: `to` cannot be written.
    """
    with TemporaryDirectory() as made:
        export = _Export(sweep, suite, Path(made))
        notes = export.write()
        if not export.written:
            raise ValueError(f"there is nothing to export for {suite.name}: {'; '.join(notes)}")
        folders = [to / folder.relative_to(made) for folder in export.written]
        for folder in (*folders, to / LABELS):
            remove_listed(folder)
        shutil.copytree(made, to, dirs_exist_ok=True)
    return Exported(folders, to / LABELS if export.labels else None, notes)


class _Export:
    """What is written of one sweep, below `folder`."""

    def __init__(self, sweep: Sweep, suite: Suite, folder: Path) -> None:
        self.spec, self.plan, self.store = sweep
        self._stopped, self._suite, self._folder = stopped_of(sweep), suite, folder
        self.written: dict[Path, list[Written]] = {}
        self.labels: dict[tuple[str, str], Written] = {}
        self._remarks: dict[tuple[str, str], dict[str, None]] = {}  # task and remark -> languages

    def write(self) -> list[str]:
        """Write everything; what a reader should know of it."""
        notes = []
        self._names = _names(self._suite, [target.task for target in self.spec.targets])
        if foreign := [target.task for target in self.spec.targets if target.task not in self._names]:
            notes.append(f"not in {self._suite.name}: {', '.join(foreign)}")
        cells = [cell for cell in self.plan.cells if cell.target in self._names]
        done = [one for one in (settled(cell, self.store, self._stopped) for cell in cells) if one is not None]
        if len(done) < len(cells):
            notes.append(
                f"{len(cells) - len(done)} of {len(cells)} cells are not done and are left out: run the sweep first"
            )
        for cell in done:
            self._cell(cell)
        for folder, files in self.written.items():
            write_manifest(folder, self._suite, files)
        if self.labels:
            write_manifest(self._folder / LABELS, self._suite, self.labels.values())
        return notes + [f"{task}, {' '.join(of)}: {remark}" for (task, remark), of in self._remarks.items()]

    def _cell(self, cell: Cell) -> None:
        recipe, task = self.plan.steps[cell.evaluation].recipe, self._suite.tasks[self._names[cell.target]]
        assert isinstance(recipe, EvaluateRecipe)
        folder = self._folder / cell.model / f"{cell.intermediate}-seed{cell.seed}"
        origin = {"step": cell.evaluation, "model": cell.model, "intermediate": cell.intermediate, "seed": cell.seed}
        for language in recipe.languages:
            rows = self._rows(recipe, language) if language in task.languages else None
            if rows is None:
                continue
            _, examples = load_split(self.store, recipe.data, rows.name)
            predictions = read_predictions(self.store, cell.evaluation, language, rows.split)
            ids = _order(task.layout, examples)
            if task.layout in BY_ID and ids == [str(row) for row in range(len(ids))]:
                self._remark(
                    task.name, language, "ids are positions, and the evaluator goes by the benchmark's own ids"
                )
            found = _predicted(task.layout, ids, predictions)
            one = write_predictions(folder, task, language, ids, found, {**origin, "rows": rows.name})
            self.written.setdefault(folder, []).append(one)
            gold = _gold(task.layout, examples)
            if gold is not None and (task.name, language) not in self.labels:
                about = {"step": recipe.data}
                written = write_labels(self._folder / LABELS, task, language, ids, gold, about)
                self.labels[task.name, language] = written

    def _rows(self, recipe: EvaluateRecipe, language: str) -> SplitRef | None:
        """The rows of the suite's test set that an evaluation has predicted; None, with a remark, where it has not
        predicted them all."""
        data = self.plan.steps[recipe.data].recipe
        assert isinstance(data, DataRecipe)
        by_split = {rows.split: rows for rows in data.rows if rows.language == language}
        rows, task = by_split.get("submission", by_split["test"]), recipe.task.name
        count = split_counts(self.store, recipe.data)[rows.name].examples
        expected = get_task(task).expected_rows.get("test", {}).get(language)
        if rows.limit is not None and (rows.stands_in or count == rows.limit) and count != expected:
            why = f"left out, test_limit draws {count} rows and a submission has all; run it without test_limit"
        elif rows.stands_in:
            why = "left out, dev rows are scored and there is no test set; put it into the data folder, labels or not"
        else:
            if rows.split == "submission":
                self._remark(task, language, "rows of the test set, which has no labels here; scores are of dev rows")
            if expected not in (None, count):
                self._remark(task, language, f"{count} rows, the benchmark has {expected}")
            return rows
        self._remark(task, language, why)
        return None

    def _remark(self, task: str, language: str, remark: str) -> None:
        self._remarks.setdefault((task, remark), {})[language] = None


def _names(suite: Suite, targets: Sequence[str]) -> dict[str, str]:
    """The suite's name of each target: of those whose answers are scored by likelihood the task's, where the first way
    to read it is such a one."""
    found: dict[str, str] = {}
    for target in targets:
        task = get_task(target)
        own = task.likelihood is None or task.perturbation is not None
        name = target if own else task.base.name
        if name in suite.tasks and name not in found.values():
            found[target] = name
    return found


def _order(layout: Layout, examples: Dataset) -> list[str]:
    """Ids in the order of the suite's rows."""
    ids: list[str] = examples["id"][:]
    if layout == "indices":
        return [ids[row] for row in tatoeba_order(examples["query"][:])]
    if layout == "pairs":
        return [name for name, side in zip(ids, examples["side"][:], strict=True) if side == "foreign"]
    return ids


def _predicted(layout: Layout, ids: list[str], predictions: Mapping[str, Any]) -> dict[str, Any]:
    if layout == "pairs":
        return {name: predictions[name]["match"] if name in predictions else None for name in ids}
    if layout == "choices":
        found = {name: predictions[name] for name in ids}
        return {name: int(one[CHOSEN] if isinstance(one, dict) else one) for name, one in found.items()}
    return dict(predictions)


def _gold(layout: Layout, examples: Dataset) -> dict[str, Any] | None:
    """What is right, by id; None where the data does not say it."""
    ids = examples["id"][:]
    if layout == "indices":
        return {name: row for row, name in enumerate(ids)}
    values: list[Any] = examples[COLUMN[layout]][:]
    if layout == "answers":
        values = [one["text"] for one in values]
    if layout == "pairs":
        return {name: partners(match) for name, match in zip(ids, values, strict=True)} if any(values) else None
    if not all(values):
        return None
    if layout == "choices":
        values = [int(value) for value in values]
    return dict(zip(ids, values, strict=True))
