"""Two small sweeps: one carried out in this process, and one whose predictions are made up, so that the truth is known.

The second has real data steps; its trainings and evaluations are written into the store as steps would write them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from sweeps.plan.graph import Plan
from sweeps.plan.planner import make_plan
from sweeps.report.questions import Answer, answers_of
from sweeps.report.study import Study
from sweeps.report.write import write_report
from sweeps.results.results import Results
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from tests.sweeps.report import questions_sweep
from trainables.data.prepare import load_split
from trainables.recipe.analyses import EmbedRecipe, SimilarityRecipe
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import EvaluateRecipe, TrainRecipe
from trainables.steps import records
from trainables.steps.records import record_of
from trainables.steps.run import carry_out
from trainables.store import METRICS, PREDICTIONS, Store
from trainables.store.sealed_json import seal, unseal
from trainables.task_types import get_task_type

TARGETS = ["gen-nli", "gen-tags", "gen-qa", "gen-pairs"]
EASE = {"one": 0.6, "two": 0.5, "zero": 0.3}
"""How often made-up predictions are right."""


@pytest.fixture(scope="session")
def fields(tiny) -> dict[str, Any]:
    """Of both sweeps."""
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    return {
        "sweep": "reported",
        "models": {"small": model},
        "intermediates": ["none", "gen-nli", "gen-qa"],
        "targets": TARGETS,
        "languages": ["one", "two", "zero"],
        "seeds": [1, 2, 3, 4],
        "generated": {"size": 0.1},
        "training": {"all": {"steps": 4, "evaluate_every": 2, "batch_size": 16, "max_length": 64}},
    }


@pytest.fixture(scope="session")
def carried_out(fields, here, tmp_path_factory) -> Results:
    """Every task type that the generated benchmark has, no intermediate, one seed. Only to be read."""
    every = [*TARGETS, "gen-choice", "gen-mine", "gen-ask"]
    small = {**fields, "intermediates": ["none"], "targets": every, "seeds": [1], "generated": {"size": 0.05}}
    return Results(Sweep(*here(small, tmp_path_factory.mktemp("carried-out"))))


@pytest.fixture(scope="session")
def made_up(fields, host, tmp_path_factory) -> Results:
    """Four seeds of two intermediates; `gen-qa` helps every target by far, `gen-nli` does nothing. Only to be read."""
    root = tmp_path_factory.mktemp("made-up")
    spec, plan, store = planned(fields, root)
    with asked_for_once():
        pretend(plan, store, host)
    return Results(Sweep(spec, plan, store))


def pretend(plan: Plan, store: Store, host: Callable[[], Any]) -> None:
    """Carry out all steps but trainings and evaluations, whose results are made up."""
    for step in plan.steps.values():
        if isinstance(step.recipe, TrainRecipe):
            pretend_training(step, store)
        elif isinstance(step.recipe, EvaluateRecipe):
            pretend_evaluation(step, store)
        else:
            carry_out(step.recipe, step.execution, store, host())


@contextmanager
def asked_for_once() -> Iterator[None]:
    """What records say of the environment is found out once: it asks git, for each of hundreds of steps."""
    found = records.environment(Execution())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "environment", lambda execution: found)
        yield


class Asked(NamedTuple):
    """A sweep that asks every question, and what is made of it."""

    file: Path
    results: Results
    study: Study
    answers: dict[str, Answer]
    folder: Path
    """Of its report."""


@pytest.fixture(scope="session")
def asked_once(host, tmp_path_factory) -> Asked:
    root = tmp_path_factory.mktemp("asked")
    spec, plan, store = planned(questions_sweep.fields(root), root)
    by_evaluation = {cell.evaluation: cell for cell in plan.cells}
    with asked_for_once():
        for step in plan.steps.values():
            if isinstance(step.recipe, TrainRecipe):
                pretend_training(step, store)
            elif isinstance(step.recipe, EvaluateRecipe):
                pretend_answers(by_evaluation[step.id], step, store)
            elif isinstance(step.recipe, SimilarityRecipe):
                commit(step, store, store.begin(step.id), questions_sweep.similarity(step.roles[0].intermediate))
            elif isinstance(step.recipe, EmbedRecipe):
                commit(step, store, store.begin(step.id), {})
            else:
                carry_out(step.recipe, step.execution, store, host())
    results = Results(Sweep(spec, plan, store))
    study = Study.of(results)
    write_report(results, root / "report", {})
    answers = {one.question: one for one in answers_of(study)}
    return Asked(root / "sweep.yaml", results, study, answers, root / "report")


@pytest.fixture
def asked(asked_once) -> Asked:
    """A sweep that asks every question, whose truth `questions_sweep` has. Only to be read."""
    read_spec(asked_once.file)  # its tasks are of its own files
    return asked_once


def pretend_answers(cell: Any, step: Any, store: Store) -> None:
    """An evaluation whose answers are as right as `questions_sweep` says."""
    recipe, made = step.recipe, store.begin(step.id)
    task_type = get_task_type(recipe.task.type).modeling()
    (made / PREDICTIONS).mkdir()
    scores = {}
    for language in recipe.languages:
        examples = rows_of(store, recipe.data, f"test-{language}")
        good = questions_sweep.right(cell.model, cell.intermediate, cell.target, language, cell.seed)
        predictions = {
            row["id"]: right_or_wrong(recipe.task, i, row, good[i]) for i, row in enumerate(examples.to_list())
        }
        scores[language] = task_type.score(predictions, examples, recipe.task, language)
        lines = [json.dumps({"id": name, "prediction": one}) for name, one in predictions.items()]
        (made / PREDICTIONS / f"{language}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (made / METRICS).write_text(json.dumps(scores))
    commit(step, store, made, {"metrics": scores})


@pytest.fixture
def changed(made_up, tmp_path) -> Any:
    """The made-up sweep over a store of the test's own, whose records a function has changed (step, record)."""

    def change(edit: Any = None, fields: dict[str, Any] | None = None) -> Results:
        root = tmp_path / "changed"
        shutil.copytree(made_up.store.root, root / "store")
        for file in (root / "store" / "steps").glob("*/record.json"):
            record = unseal(file.read_bytes(), str(file))
            if edit is not None:
                edit(made_up.plan.steps[record["step"]], record)
            file.write_bytes(seal(record))
        if fields is None:
            return Results(Sweep(made_up.spec, made_up.plan, Store(str(root / "store"))))
        return Results(Sweep(*planned(fields, root)))

    return change


def planned(fields: dict[str, Any], root: Path) -> Any:
    """Spec, plan and store of a sweep."""
    file = root / "sweep.yaml"
    file.write_text(yaml.safe_dump({**fields, "storage": str(root / "store")}))
    spec = read_spec(file)
    return spec, make_plan(spec, str(file)), Store(spec.storage)


def pretend_training(step: Any, store: Store) -> None:
    best = 60.0 + 5 * (step.tags.get("intermediate") in ("gen-nli", questions_sweep.BEST_ON_DEV))
    result = {
        "best": {"value": best, "step": 4},
        "dev": [],
        "losses": [[4, 1.0]],
        "train_seconds": 60.0,
        "tokens": 6000,
        "collapsed": None,
    }
    commit(step, store, store.begin(step.id), result)


def pretend_evaluation(step: Any, store: Store) -> None:
    recipe, made = step.recipe, store.begin(step.id)
    task_type = get_task_type(recipe.task.type).modeling()
    (made / PREDICTIONS).mkdir()
    scores = {}
    for language in recipe.languages:
        examples = rows_of(store, recipe.data, f"test-{language}")
        rng = np.random.default_rng([int(step.tags.get("seed", "0")), len(step.name), ord(language[0])])
        ease = min(1.0, EASE[language] + 0.35 * (step.tags.get("intermediate") == "gen-qa"))
        predictions = {
            row["id"]: right_or_wrong(recipe.task, number, row, rng.random() < ease)
            for number, row in enumerate(examples.to_list())
        }
        scores[language] = task_type.score(predictions, examples, recipe.task, language)
        lines = [json.dumps({"id": name, "prediction": one}) for name, one in predictions.items()]
        (made / PREDICTIONS / f"{language}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (made / METRICS).write_text(json.dumps(scores))
    commit(step, store, made, {"metrics": scores})


@cache
def rows_of(store: Store, data: str, name: str) -> Any:
    return load_split(store, data, name)[1]


def right_or_wrong(task: Any, number: int, row: dict[str, Any], right: bool) -> Any:
    """A prediction of one row."""
    if task.type == "pair-classification":
        return row["label"] if right else next(label for label in task.labels if label != row["label"])
    if task.type == "tagging":
        return row["tags"] if right else ["O"] * len(row["tags"])
    if task.type == "span-qa":
        return row["answers"]["text"][0] if right else "nothing of the kind"
    return number if right else number + 1


def commit(step: Any, store: Store, made: Path, result: dict[str, Any]) -> None:
    store.commit(step.id, made, {**record_of(step.recipe, step.execution, result, 0.0), "seconds": 72.0})
