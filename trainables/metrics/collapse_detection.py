"""Chance: what a model that has learnt nothing scores, by which a collapsed run is told from a weak one.

Large encoders sometimes collapse in fine-tuning: they give one label, or none with conviction, and stay there. Then
the dev score is that of the most frequent label, *and* the training loss is the entropy of the labels, which is what
knowing their frequencies alone achieves. A weak run that learns leaves one of the two behind, mostly the loss first;
and before it does, its loss falls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ERRORS = 2.0
"""A dev score counts as above chance from so many standard errors on."""
MARGIN = 0.0025
"""A training loss counts as below the entropy of the labels, or below the loss before, by more than this share of the
entropy: of three labels, 0.0027 nats."""
GRACE = 0.1
"""Share of the updates in which no run is called collapsed, where warm-up is not longer: many start slowly."""


@dataclass(frozen=True)
class ChanceLevel:
    """Of one task's rows."""

    accuracy: float
    """Share of dev terms (rows, or words) that are right by chance: of one label throughout, or of guessing."""
    terms: int
    """Dev terms that are scored."""
    entropy: float
    """Of a training term's label when nothing is known of the row, in nats."""

    @classmethod
    def of_labels(cls, train: Sequence[int], dev: Sequence[int]) -> ChanceLevel | None:
        """Where terms share one set of labels; None where there is one label only, so that nothing can be told."""
        shares = _shares(train)
        return cls._told(float(_shares(dev).max()), len(dev), float(-(shares * np.log(shares)).sum()))

    @classmethod
    def of_choices(cls, train: Sequence[int], dev: Sequence[int], dev_labels: Sequence[int]) -> ChanceLevel | None:
        """Where each row has choices of its own: how many they are, and which of the dev rows' is right."""
        accuracy = max(float((1 / np.asarray(dev)).mean()), float(_shares(dev_labels).max()))
        return cls._told(accuracy, len(dev), float(np.log(np.asarray(train)).mean()))

    @classmethod
    def _told(cls, accuracy: float, terms: int, entropy: float) -> ChanceLevel | None:
        return cls(accuracy, terms, entropy) if accuracy < 1 and entropy > 0 else None

    def at_chance(self, accuracy: float, loss: float) -> bool:
        """Whether a dev accuracy (percent) and a mean training loss (nats per term) are no better than chance."""
        error = math.sqrt(self.accuracy * (1 - self.accuracy) / self.terms)
        return accuracy / 100 <= self.accuracy + ERRORS * error and loss >= (1 - MARGIN) * self.entropy

    def loss_decreased(self, before: float, loss: float) -> bool:
        """Whether a mean training loss is below the one before."""
        return before - loss > MARGIN * self.entropy


def _shares(labels: Sequence[int]) -> np.ndarray:
    """How frequent each label is that occurs."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return np.asarray(counts / counts.sum())
