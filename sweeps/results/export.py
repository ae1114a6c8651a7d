"""The predictions of a sweep in a suite's submission layout: for `xstilts score` and the benchmark's own evaluator.

A folder for each model, intermediate and seed, `<model>/<intermediate>-seed<n>/<task>/test-<language>.<extension>`,
with a manifest; and once for all of them `labels/`, what is right, where the data says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset

from sweeps.plan.graph import Cell, Plan
from sweeps.state.selection import settled, stopped_of
from sweeps.state.sweep import Sweep
from trainables.data.prepare import load_split
from trainables.recipe.recipes import EvaluateRecipe
from trainables.store import PREDICTIONS, Store
from trainables.suites import Suite, Written, tatoeba_order, write_labels, write_manifest, write_predictions
from trainables.suites.definitions import Layout

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


@dataclass
class Exported:
    """What was written, and what a reader should know of it."""

    folders: list[Path] = field(default_factory=list)
    labels: Path | None = None
    notes: list[str] = field(default_factory=list)


def export_predictions(sweep: Sweep, suite: Suite, to: Path) -> Exported:
    """Write the predictions of every cell that is done, of tasks that the suite has, into folders below `to`.

    Raises ValueError where predictions do not fit the layout.
    """
    spec, plan, store = sweep
    exported, written = Exported(), dict[Path, list[Written]]()
    labels: dict[tuple[str, str], Written] = {}
    foreign = [target.task for target in spec.targets if target.task not in suite.tasks]
    if foreign:
        exported.notes.append(f"not in {suite.name}: {', '.join(foreign)}")
    cells = [cell for cell in plan.cells if cell.target in suite.tasks]
    stopped = stopped_of(sweep)
    done = [one for one in (settled(cell, store, stopped) for cell in cells) if one is not None]
    if len(done) < len(cells):
        exported.notes.append(f"{len(cells) - len(done)} of {len(cells)} cells are not done and are left out")
    if spec.test_limit is not None:
        exported.notes.append(
            f"test_limit: {spec.test_limit} rows of each language (retrieval: all); a submission needs the whole sets"
        )
    for cell in done:
        folder = to / cell.model / f"{cell.intermediate}-seed{cell.seed}"
        written.setdefault(folder, []).extend(_cell(cell, plan, store, suite, folder, to / LABELS, labels))
    for folder, files in written.items():
        write_manifest(folder, suite, files)
        exported.folders.append(folder)
    if labels:
        write_manifest(to / LABELS, suite, labels.values())
        exported.labels = to / LABELS
    return exported


def _cell(
    cell: Cell,
    plan: Plan,
    store: Store,
    suite: Suite,
    folder: Path,
    labels_folder: Path,
    labels: dict[tuple[str, str], Written],
) -> list[Written]:
    recipe, task = plan.steps[cell.evaluation].recipe, suite.tasks[cell.target]
    assert isinstance(recipe, EvaluateRecipe)
    files = []
    for language in recipe.languages:
        if language not in task.languages:
            continue
        _, examples = load_split(store, recipe.data, f"test-{language}")
        lines = (
            (store.path(cell.evaluation) / PREDICTIONS / f"{language}.jsonl").read_text(encoding="utf-8").split("\n")
        )
        predictions = {one["id"]: one["prediction"] for one in map(json.loads, filter(None, lines))}
        ids = _order(task.layout, examples)
        origin = {"step": cell.evaluation, "model": cell.model, "intermediate": cell.intermediate, "seed": cell.seed}
        found = _predicted(task.layout, ids, predictions)
        files.append(write_predictions(folder, task, language, ids, found, origin))
        gold = _gold(task.layout, examples)
        if gold is not None and (task.name, language) not in labels:
            about = {"step": recipe.data}
            labels[task.name, language] = write_labels(labels_folder, task, language, ids, gold, about)
    return files


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
        return {name: int(predictions[name]) for name in ids}
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
        return {name: match or None for name, match in zip(ids, values, strict=True)} if any(values) else None
    if not all(values):
        return None
    if layout == "choices":
        values = [int(value) for value in values]
    return dict(zip(ids, values, strict=True))
