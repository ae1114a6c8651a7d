"""Steps that are done in no time, with records like those of real ones: rows, predictions and curves are made up, as
many as the recipe asks for; the scores are what the task's own task type says of the predictions."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from datasets import Dataset

from sweeps.cli.finalize import results_folder
from sweeps.cost.sizes import Size, Sizes
from sweeps.plan.graph import Plan, Step
from sweeps.results.results import Results
from sweeps.schedule.states import StepState
from sweeps.spec.fields import SweepSpec
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, TrainRecipe
from trainables.recipe.tasks import TaskSpec
from trainables.store import METRICS, PREDICTIONS, Store
from trainables.task_types import get_task_type
from trainables.task_types.bitext_mining.modeling import TUNED
from trainables.tasks.sources import to_dataset
from trainables.training.state import TrainerState
from trainables.training.task_proportions import task_proportions

PATIENCE = 600.0
"""Seconds without any success after which MLflow is not waited for."""
ROWS = 12
"""Of each test and dev set."""
WORDS = ("alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "oak", "pine", "rowan", "willow", "yew")
PACE = {"tokens_per_second": 21000.0, "gpu_memory_gib": 31.5}


Evaluated = tuple[dict[str, Any], dict[str, dict[str, Any]]]
"""The result of an evaluation, and the predictions of each language."""


def carry_out(plan: Plan, spec: SweepSpec, store: Store) -> None:
    """Make every step done, and tell MLflow of all of them and of the results."""
    sweep = Sweep(spec, plan, store)
    with Tracker(sweep) as tracker:
        tracker.open()
        for step in plan.steps.values():
            tracker.begin(step)
            commit(step, plan, store)
            tracker.finish(step, StepState.DONE)
        found = Results(sweep)
        found.write(results_folder(sweep))
        tracker.table(results_folder(sweep), found.means())
        assert tracker.close("FINISHED", PATIENCE), "MLflow has not taken everything"


def commit(step: Step, plan: Plan, store: Store, evaluated: Evaluated | None = None) -> None:
    """Make a step done; `evaluated`: what an evaluation gives, if it is not to be drawn."""
    made = store.begin(step.id)
    result: dict[str, Any] = {}
    if isinstance(step.recipe, DataRecipe):
        counts = {"source": "made up", "examples": ROWS, "features": ROWS, "subwords": 30 * ROWS}
        result = {rows.name: counts for rows in step.recipe.rows}
    elif isinstance(step.recipe, TrainRecipe):
        result = training(step, updates_of(step.recipe, plan))
    elif isinstance(step.recipe, EvaluateRecipe):
        result, found = evaluated or evaluation(step.recipe)
        (made / METRICS).write_text(json.dumps(result["metrics"]))
        (made / PREDICTIONS).mkdir()
        for language, predictions in found.items():
            lines = [json.dumps({"id": name, "prediction": one}) for name, one in predictions.items()]
            (made / PREDICTIONS / f"{language}.jsonl").write_text("\n".join(lines))
    record = {
        "fingerprint": step.recipe.fingerprint,
        "recipe": step.recipe.model_dump(mode="json"),
        "result": result,
        "seconds": round(step.cost.seconds, 3),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    store.commit(step.id, made, record)


def training(step: Step, updates: int) -> dict[str, Any]:
    """The result of a training of so many updates."""
    recipe, rng = step.recipe, _rng(step.id)
    assert isinstance(recipe, TrainRecipe)
    every, log = recipe.optimisation.evaluate_every, step.execution.log_every
    progress = TrainerState(len(recipe.tasks))
    for at in sorted({*range(log, updates, log), *range(every, updates, every), updates}):
        progress.step = at
        progress.log(
            [float(0.3 + np.exp(-4 * at / updates) + rng.normal(0, 0.05))] * len(recipe.tasks), [1] * len(recipe.tasks)
        )
        if at % every == 0 or at == updates:
            metrics, value = _dev(recipe, 0.8 - 0.4 * np.exp(-3 * at / updates), rng)
            progress.evaluated(value, metrics, None)
            rate = recipe.optimisation.learning_rate * (1 - at / updates)
            progress.throughput.append({"step": at, "learning_rate": rate, **PACE})
    return {
        "steps": updates,
        "best": progress.best,
        "dev": progress.dev,
        "losses": progress.losses,
        "throughput": progress.throughput,
        "collapsed": None,
    }


def updates_of(recipe: TrainRecipe, plan: Plan) -> int:
    """The updates that a training is expected to have."""
    sizes = Sizes({one.id: one.recipe for one in plan.steps.values()}, None)
    rows = [sum((sizes.of(data, "train") for data in part.data), Size()).features for part in recipe.tasks]
    return task_proportions(recipe.tasks, rows, recipe.sampling, recipe.optimisation)[0]


def evaluation(recipe: EvaluateRecipe) -> Evaluated:
    """What an evaluation gives."""
    rng, scores, found = _rng(recipe.id), {}, {}
    for language in recipe.languages:
        found[language], scores[language] = answered(recipe.task, language, rng.uniform(0.3, 0.9), rng)
    return {"metrics": scores}, found


def _dev(recipe: TrainRecipe, ease: float, rng: np.random.Generator) -> tuple[dict[str, float], float]:
    """Metrics of all parts, named as training names them, and the value that picks the checkpoint."""
    metrics, values = {}, []
    for part in recipe.tasks:
        if part.select is not None:
            _, scores = answered(part.task, "en", ease, rng)
            name = f"{part.task.name}/" if len(recipe.tasks) > 1 else ""
            metrics |= {name + metric: score for metric, score in scores.items()}
            values.append(part.select.value(scores))
    return metrics, sum(values) / len(values)


def answered(
    task: TaskSpec, language: str, ease: float, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, float]]:
    """Predictions of a model that is right about `ease` of the time, and what its task type says of them."""
    predictions = _predictions(task, ease, rng)
    return predictions, get_task_type(task.type).modeling().score(predictions, _examples(task), task, language)


@cache
def _examples(task: TaskSpec) -> Dataset:
    return to_dataset(task.type, _rows(task))


@cache
def _rows(task: TaskSpec) -> list[dict[str, Any]]:
    """Labelled rows of a task."""
    aside = {name: one.nothing for name, one in get_task_type(task.type).columns.items() if one.aside}
    return [{"id": str(number), **aside, **_row(task, number)} for number in range(ROWS)]


def _labels(task: TaskSpec) -> tuple[str, ...]:
    return task.labels or WORDS  # those of CCG come with its data


def _row(task: TaskSpec, number: int) -> dict[str, Any]:
    labels, word, text = _labels(task), WORDS[number % len(WORDS)], " ".join(WORDS)
    match task.type:
        case "text-classification":
            return {"text": f"{text} {number}", "label": labels[number % len(labels)]}
        case "pair-classification":
            return {"text_a": text, "text_b": word, "label": labels[number % len(labels)]}
        case "multiple-choice":
            return {"prompt": text, "choices": WORDS[:4], "label": str(number % 4)}
        case "tagging":
            return {"tokens": WORDS, "tags": [labels[(number + i) % len(labels)] for i in range(len(WORDS))]}
        case "span-qa":
            return {"question": word, "context": text, "answers": {"text": [word], "answer_start": [text.index(word)]}}
        case "span-or-none":
            answers = (
                {"text": [word], "answer_start": [text.index(word)]} if number % 2 else {"text": [], "answer_start": []}
            )
            return {"question": word, "context": text, "answers": answers}
        case "retrieval":
            return {"query": word, "candidate": word}
        case "dense-retrieval":
            return {"query": word, "candidate": "", "matches": [str(number)]}
        case "bitext-mining":
            foreign = number % 2 == 0
            side = "foreign" if foreign else "english"
            return {"side": side, "text": f"{word} {number}", "match": str(number + 1) if foreign else ""}
    raise NotImplementedError(task.type)


def _predictions(task: TaskSpec, ease: float, rng: np.random.Generator) -> dict[str, Any]:
    labels, found = _labels(task), {}
    if task.type == "bitext-mining":
        found[TUNED] = {"threshold": 1.06, "dev_f1": 100 * ease, "own": False}
    for number, row in enumerate(_rows(task)):
        right = rng.random() < ease
        match task.type:
            case "text-classification" | "pair-classification":
                found[row["id"]] = row["label"] if right else labels[rng.integers(len(labels))]
            case "multiple-choice":
                found[row["id"]] = row["label"] if right else str(rng.integers(4))
            case "tagging":
                drawn = rng.random(len(row["tags"])) < ease
                found[row["id"]] = [
                    tag if kept else labels[rng.integers(len(labels))]
                    for tag, kept in zip(row["tags"], drawn, strict=True)
                ]
            case "span-qa":
                found[row["id"]] = row["answers"]["text"][0] if right else "another"
            case "span-or-none":
                text = row["question"] if right else "another"
                found[row["id"]] = {"text": text, "no_answer": rng.normal(-2.0 if row["answers"]["text"] else 2.0)}
            case "retrieval":
                found[row["id"]] = number if right else number + 1
            case "dense-retrieval":
                found[row["id"]] = [row["id"] if right else str(number + 1)]
            case "bitext-mining" if row["match"]:
                found[row["id"]] = {"match": row["match"] if right else str(number + 3), "score": 1.1}
    return found


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:16], 16))
