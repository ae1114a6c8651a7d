"""Accuracy over all rows, over the parts of a test set, and over subjects.

`accuracy` is over all questions alike (micro): what MMLU's own evaluation prints as its average (hendrycks/test,
`evaluate.py`), and what lm-evaluation-harness gives for its groups (`weight_by_size`). `macro_accuracy` is the mean of
the subjects' accuracies, each subject alike, as HELM averages MMLU. They differ: MMLU's subjects have 100 to 1,534
questions each.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

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
        subjects: what each row is about; "" where that is not said.
        parts: the parts of the test set that each row counts in.
    """
    scores = accuracy_scores(found, gold)
    if any(subjects):
        over = {
            SUBJECT + name: _accuracy(found, gold, (one == name for one in subjects)) for name in sorted({*subjects})
        }
        scores["macro_accuracy"] = statistics.fmean(over.values())
        scores |= over
    for name in sorted({part for row in parts for part in row}):
        scores[PART + name] = _accuracy(found, gold, (name in row for row in parts))
    return scores


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


def _accuracy(found: Sequence[str], gold: Sequence[str], inside: Iterable[bool]) -> float:
    pairs = [pair for pair, counts in zip(zip(found, gold, strict=True), inside, strict=True) if counts]
    return accuracy_scores([ours for ours, _ in pairs], [theirs for _, theirs in pairs])["accuracy"]


def _within(shares: Shares, inside: Sequence[bool]) -> Shares:
    mask = np.array([inside], dtype=float)
    return Shares(shares.over * mask, shares.under * mask)
