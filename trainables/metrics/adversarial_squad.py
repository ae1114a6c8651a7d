"""F1 and exact match of Adversarial SQuAD (Jia and Liang 2017): of each question its worst adversarial row.

The file has each question with its clean passage, under the question's id, and with passages that an adversary has
changed, whose ids begin with it and a dash. As in the authors' evaluation (robinjia/adversarial-squad,
`src/py/eval_squad.py`) the row of least F1 counts, the first of several, with its exact match; of a question that the
adversary left alone it is the clean row.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from trainables.metrics.by_example import Shares
from trainables.metrics.squad import answer_score, normalize_answer

SCORER = "adversarial-squad"
"""Name of this way to score, in the record of a task."""


def question_of(row: str) -> str:
    """The id of the clean question that a row belongs to: what stands before the first dash.

    >>> question_of("56e1-high-conf-turk0")
    '56e1'
    """
    return row.partition("-")[0]


def worst_scores(
    predictions: Mapping[str, Any], ids: Sequence[str], accepted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """`f1` and `exact_match` in percent, means over the questions.

    Args:
        predictions: texts by row.
        ids: the rows, in their order.
        accepted: the answers that each row accepts, at least one.
    """
    f1, exact = zip(*_of_questions(predictions, ids, accepted).values(), strict=True)
    return {"f1": 100.0 * statistics.fmean(f1), "exact_match": 100.0 * statistics.fmean(exact)}


def worst_measure(
    ids: Sequence[str], accepted: Sequence[Sequence[str]]
) -> tuple[list[str], Callable[[Mapping[str, Any]], dict[str, Shares]]]:
    """Ids of the questions, sorted, and what each adds: so that a clean and an adversarial set pair, whatever the order
    of their rows."""

    def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
        f1, exact = (np.array([one]) for one in zip(*_of_questions(predictions, ids, accepted).values(), strict=True))
        return {"f1": Shares(f1, np.ones_like(f1)), "exact_match": Shares(exact, np.ones_like(exact))}

    return sorted({question_of(one) for one in ids}), measure


def _of_questions(
    predictions: Mapping[str, Any], ids: Sequence[str], accepted: Sequence[Sequence[str]]
) -> dict[str, tuple[float, float]]:
    """F1 and exact match of each question, from 0 to 1, by sorted id."""
    found: dict[str, tuple[bool, float, float]] = {}  # clean or not: adversarial rows go before
    for name, answers in zip(ids, accepted, strict=True):
        question = question_of(name)
        f1, exact = answer_score(predictions[name], answers, normalize_answer)
        one = (name == question, f1, exact)
        if question not in found or one[:2] < found[question][:2]:
            found[question] = one
    return {question: (f1, exact) for question, (_, f1, exact) in sorted(found.items())}
