"""What each example adds to a score, so that the score of any sample of the examples can be had from sums alone.

Every measure here is a quotient of two sums over examples (accuracy: right over all; F1: twice what is found rightly
over what is found and what is there), or the mean of several such quotients. Resampling needs no more than that.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.metrics.ranking import average_precision
from trainables.metrics.squad import answer_score
from trainables.metrics.tagging import Chunk, chunks

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shares:
    """What n examples add to the m measures whose mean is a score."""

    over: Floats
    """(m, n) terms of the numerators."""
    under: Floats
    """(m, n) terms of the denominators."""

    @property
    def score(self) -> float:
        """The score of all examples, in percent."""
        return float(quotients(self.over.sum(1), self.under.sum(1)).mean())


def quotients(over: Floats, under: Floats) -> Floats:
    """`over` / `under` in percent; 0 where there is nothing to divide by, as the measures have it."""
    return 100.0 * np.divide(over, under, out=np.zeros_like(over, dtype=float), where=under > 0)


def right_answers(predicted: Sequence[Any], gold: Sequence[Any]) -> Shares:
    """Accuracy: one label, choice or row of each example."""
    return _mean([float(a == b) for a, b in zip(predicted, gold, strict=True)])


def label_measure(
    ids: Sequence[str], gold: Sequence[str], labels: Sequence[str], macro_f1: bool = False
) -> Callable[[Mapping[str, Any]], dict[str, Shares]]:
    """Accuracy, of two labels the F1 of the last one, and if asked for the mean F1: from predictions by id."""

    def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
        ours = [predictions[name] for name in ids]
        shares = {"accuracy": right_answers(ours, gold)}
        if len(labels) == 2:
            shares["f1"] = positives(ours, gold, labels[1])
        if macro_f1:
            shares["macro_f1"] = together([positives(ours, gold, one) for one in dict.fromkeys(gold)])
        return shares

    return measure


def answer_measure(
    ids: Sequence[str], accepted: Sequence[Sequence[str]], normalise: Callable[[str], str]
) -> Callable[[Mapping[str, Any]], dict[str, Shares]]:
    """F1 and exact match of questions: from predictions by id."""
    normalised = cache(normalise)

    def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
        both = answers([predictions[name] for name in ids], accepted, normalised)
        names = ("f1", "exact_match")
        return {name: Shares(both.over[i : i + 1], both.under[i : i + 1]) for i, name in enumerate(names)}

    return measure


def positives(predicted: Sequence[Any], gold: Sequence[Any], positive: Any) -> Shares:
    """F1 of one label."""
    ours, theirs = (np.array([one == positive for one in side], dtype=float) for side in (predicted, gold))
    return _overlap(ours * theirs, ours, theirs)


def answers(predicted: Sequence[str], accepted: Sequence[Sequence[str]], normalise: Callable[[str], str]) -> Shares:
    """F1 and exact match of questions, two measures."""
    scores = np.array([answer_score(text, texts, normalise) for text, texts in zip(predicted, accepted, strict=True)])
    return Shares(scores.T, np.ones_like(scores.T))


def chunked(predicted: Sequence[Sequence[str]], gold: Sequence[set[Chunk]]) -> Shares:
    """F1 of the chunks of tags, sentence by sentence; `gold` are the sentences' chunks."""
    found = np.zeros((3, len(gold)))
    for i, (tags, there) in enumerate(zip(predicted, gold, strict=True)):
        ours = chunks(tags)
        found[:, i] = len(ours & there), len(ours), len(there)
    return _overlap(*found)


def right_words(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> Shares:
    """Accuracy over the words of all sentences."""
    pairs = list(zip(predicted, gold, strict=True))
    right = [float(sum(map(operator.eq, ours, theirs))) for ours, theirs in pairs]
    return Shares(np.array([right]), np.array([[float(len(theirs)) for _, theirs in pairs]]))


def ranked(predicted: Sequence[Sequence[Any]], relevant: Sequence[Sequence[Any]], k: int) -> Shares:
    """Mean average precision at `k`."""
    return _mean([average_precision(ours[:k], right, k) for ours, right in zip(predicted, relevant, strict=True)])


def matched(predicted: Mapping[str, str], gold: Mapping[str, Sequence[str]]) -> Shares:
    """F1 of pairs: of each sentence its match, against all that are right. `gold` has all sentences, in order."""
    ours = [predicted.get(name, "") for name in gold]
    right = [one in partners for one, partners in zip(ours, gold.values(), strict=True)]
    there = map(len, gold.values())
    return _overlap(*(np.array(side, dtype=float) for side in (right, [*map(bool, ours)], [*there])))


def together(parts: Sequence[Shares]) -> Shares:
    """The measures of several as those of one score, their mean: those of a part that has fewer are repeated."""
    most = math.lcm(*(len(one.over) for one in parts))
    over = [np.repeat(one.over, most // len(one.over), axis=0) for one in parts]
    under = [np.repeat(one.under, most // len(one.under), axis=0) for one in parts]
    return Shares(np.concatenate(over), np.concatenate(under))


def _mean(values: Sequence[float]) -> Shares:
    over = np.array([values], dtype=float)
    return Shares(over, np.ones_like(over))


def _overlap(right: Floats, found: Floats, there: Floats) -> Shares:
    return Shares(2 * right[None], (found + there)[None])
