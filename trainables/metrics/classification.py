"""Accuracy, as XTREME reports it for XNLI, PAWS-X, Tatoeba and XCOPA, and the mean F1 of labels."""

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any


def accuracy_scores(predicted: Sequence[Any], gold: Sequence[Any]) -> dict[str, float]:
    """Share of labels that are right.

    Args:
        predicted, gold: one label per example, in the same order.

    Returns:
        ``{"accuracy"}`` in percent.

    Raises:
        ValueError: there are no examples, or the two differ in length.
    """
    if not gold:
        raise ValueError("accuracy of no examples is not defined: the list of gold labels is empty")
    if len(predicted) != len(gold):
        raise ValueError(f"there are {len(predicted)} predicted labels for {len(gold)} gold labels")
    return {"accuracy": 100.0 * sum(map(operator.eq, predicted, gold)) / len(gold)}


def macro_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """The mean F1, in percent, of the labels that the gold side has, whatever else is predicted: scikit-learn's `macro`
    over these labels."""
    right = Counter(ours for ours, theirs in zip(predicted, gold, strict=True) if ours == theirs)
    there = Counter(predicted) + Counter(gold)
    labels = set(gold)
    return 100.0 * sum(2 * right[label] / there[label] for label in labels) / len(labels)
