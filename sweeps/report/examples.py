"""What the store knows of single examples: how much each adds to a cell's score in each language."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import datasets
from datasets import Dataset

from trainables.metrics.by_example import (
    Shares,
    answers,
    chunked,
    matched,
    positives,
    ranked,
    right_answers,
    right_words,
    together,
)
from trainables.metrics.mlqa import mlqa_normaliser
from trainables.metrics.squad import normalize_answer
from trainables.metrics.tagging import chunks
from trainables.recipe.recipes import EvaluateRecipe, TaskSpec
from trainables.store import PREDICTIONS, Store
from trainables.tasks import get_task

DEPTH = 20
"""Of dense retrieval's ranking."""
EXACT = 1e-6
"""Points by which a score from the shares may differ from the recorded one."""

Predictions = Mapping[str, Any]
Measure = Callable[[Predictions], dict[str, Shares]]
"""From predictions by id: what each example adds to each metric."""


class NoShares(ValueError):
    """The score of a task type is no sum over examples; the message says why."""


def shares_of(store: Store, evaluations: Sequence[str], language: str) -> tuple[list[str], list[Shares]]:
    """Ids of the test examples of one target in `language`, and their shares in the score of each evaluation.

    Raises NoShares where there are none, ValueError where what the store has does not give the recorded score.
    """
    records = [store.record(step) for step in evaluations]
    recipes = [EvaluateRecipe.model_validate(record["recipe"]) for record in records]
    first, task = recipes[0], get_task(recipes[0].task.name)
    rows = datasets.load_from_disk(str(store.path(first.data) / f"test-{language}" / "examples"))
    ids, measure = _measure(first.task, language, rows)
    found = []
    for step, record in zip(evaluations, records, strict=True):
        by_metric = measure(_predictions(store, step, language))
        shares = together([by_metric[name] for name in task.main_metrics])
        score = task.score(record["result"]["metrics"][language])
        if abs(shares.score - score) > EXACT:
            raise ValueError(
                f"{step}: its predictions in {language} give {shares.score:.4f}, its record says {score:.4f}; "
                "delete the step from the store and run again"
            )
        found.append(shares)
    return ids, found


def _predictions(store: Store, step: str, language: str) -> Predictions:
    text = (store.path(step) / PREDICTIONS / f"{language}.jsonl").read_text(encoding="utf-8")
    # Not splitlines(): an answer may hold other characters that end lines. One list is read in a quarter of the time.
    lines = ",".join(filter(None, text.split("\n")))
    return {one["id"]: one["prediction"] for one in json.loads(f"[{lines}]")}


def _measure(task: TaskSpec, language: str, rows: Dataset) -> tuple[list[str], Measure]:
    """Ids of the examples that count, and how predictions of them are measured."""
    ids: list[str] = rows["id"][:]

    def listed(predictions: Predictions) -> list[Any]:
        return [predictions[name] for name in ids]

    if task.type in ("pair-classification", "multiple-choice"):
        labels = rows["label"][:]

        def label_measure(predictions: Predictions) -> dict[str, Shares]:
            ours = listed(predictions)
            f1 = {"f1": positives(ours, labels, task.labels[1])} if len(task.labels) == 2 else {}
            return {"accuracy": right_answers(ours, labels), **f1}

        return ids, label_measure
    if task.type == "tagging":
        tags = rows["tags"][:]
        gold = [chunks(one) for one in tags]
        return ids, lambda p: {"f1": chunked(listed(p), gold), "accuracy": right_words(listed(p), tags)}
    if task.type == "span-qa":
        normalise = cache(mlqa_normaliser(language) if task.scorer == "mlqa" else normalize_answer)
        accepted = [one["text"] for one in rows["answers"][:]]
        return ids, lambda p: _both(answers(listed(p), accepted, normalise))
    if task.type == "retrieval":
        return ids, lambda p: {"accuracy": right_answers(listed(p), range(len(ids)))}
    if task.type == "dense-retrieval":
        relevant = rows["matches"][:]
        return ids, lambda p: {f"map@{DEPTH}": ranked(listed(p), relevant, DEPTH)}
    if task.type == "bitext-mining":
        sides = zip(ids, rows["side"][:], rows["match"][:], strict=True)
        match = {name: other for name, side, other in sides if side == "foreign"}
        return list(match), partial(_pairs, match)
    raise NoShares(f"{task.name}: a score of {task.type} is no sum over examples, so no interval is given")


def _both(shares: Shares) -> dict[str, Shares]:
    return {
        name: Shares(shares.over[i : i + 1], shares.under[i : i + 1]) for i, name in enumerate(("f1", "exact_match"))
    }


def _pairs(match: Mapping[str, str], predictions: Predictions) -> dict[str, Shares]:
    return {"f1": matched({name: one["match"] for name, one in predictions.items() if "match" in one}, match)}
