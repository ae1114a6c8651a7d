"""Accuracy over all rows, over the parts of a test set, and over subjects.

`accuracy` is over all questions alike (micro): what MMLU's own evaluation prints as its average (hendrycks/test,
`evaluate.py`), and what lm-evaluation-harness gives for its groups (`weight_by_size`). `macro_accuracy` is the mean of
the subjects' accuracies, each subject alike, as HELM averages MMLU. They differ: MMLU's subjects have 100 to 1,534
questions each.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import numpy as np

from trainables.metrics.by_example import Shares, right_answers, together
from trainables.metrics.classification import accuracy_scores

PART = "accuracy/"
"""Begins the name of the accuracy over a part: `accuracy/stem`."""
SUBJECT = f"{PART}subject/"
"""Begins the name of the accuracy over a subject: `accuracy/subject/anatomy`. With two slashes it is in no table."""


def part_scores(
    found: Sequence[str], gold: Sequence[str], subjects: Sequence[str], parts: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Accuracies in percent; only `accuracy` where rows have neither subjects nor parts.

    Args:
        found, gold: the answer of each row, given and right.
        subjects: what each row is about, or nothing; "" where that is not said.
        parts: the parts of the test set that each row counts in.
    """
    scores = accuracy_scores(found, gold)

    def score(rows: Sequence[int]) -> dict[str, float]:
        return accuracy_scores([found[i] for i in rows], [gold[i] for i in rows])

    if any(subjects):
        over = {SUBJECT + name: score(rows)["accuracy"] for name, rows in _rows_by([[one] for one in subjects]).items()}
        scores["macro_accuracy"] = statistics.fmean(over.values())
        scores |= over
    return scores | over_parts(score, parts)


def over_parts(score: Callable[[Sequence[int]], dict[str, float]], parts: Sequence[Sequence[str]]) -> dict[str, float]:
    """Metrics over each part of a test set, `accuracy/stem`.

    Args:
        score: metrics over some rows, which are given by their positions.
        parts: the parts that each row counts in.
    """
    return {
        f"{metric}/{name}": value for name, rows in _rows_by(parts).items() for metric, value in score(rows).items()
    }


def part_shares(
    found: Sequence[str], gold: Sequence[str], subjects: Sequence[str], parts: Sequence[Sequence[str]]
) -> dict[str, Shares]:
    """The same, but for single subjects, as what each row adds to it."""
    shares = {"accuracy": right_answers(found, gold)}
    if any(subjects):
        shares["macro_accuracy"] = together(
            [_within(shares["accuracy"], [one == name for one in subjects]) for name in sorted({*subjects})]
        )
    for name in sorted({part for row in parts for part in row}):
        shares[PART + name] = _within(shares["accuracy"], [name in row for row in parts])
    return shares


def _rows_by(names: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """By name, sorted, the positions of the rows that have it."""
    found: dict[str, list[int]] = {}
    for position, row in enumerate(names):
        for name in row:
            found.setdefault(name, []).append(position)
    return dict(sorted(found.items()))


def _within(shares: Shares, inside: Sequence[bool]) -> Shares:
    mask = np.array([inside], dtype=float)
    return Shares(shares.over * mask, shares.under * mask)
