"""Which rows make the batch of an update: a function of (recipe, number of the update) alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from trainables.recipe.sampling import Mixture

T = TypeVar("T")


def rng_for(seed: int, *words: int) -> np.random.Generator:
    """A generator that (seed, words) alone decide."""
    return np.random.default_rng(np.random.SeedSequence([seed & 0xFFFFFFFF, *words]))


class EpochSampler:
    """The endless stream of rows that training reads: a new permutation of `rows` row numbers for each epoch."""

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        if rows < 1:
            raise ValueError("there is no row to train on")
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self._epoch = -1
        self._permutation = np.empty(0, dtype=np.int64)

    def global_batch(self, step: int) -> list[int]:
        """Row numbers of the batch of update `step` (from 0). Batches run on across epoch ends."""
        first = step * self.batch_size
        return [self._row(position) for position in range(first, first + self.batch_size)]

    def _row(self, position: int) -> int:
        epoch, place = divmod(position, self.rows)
        if epoch != self._epoch:
            self._permutation = rng_for(self.seed, 1, epoch).permutation(self.rows)
            self._epoch = epoch
        return int(self._permutation[place])


@dataclass(frozen=True)
class Group:
    """Rows of one corpus in one language that are drawn with the same probability."""

    corpus: int
    language: str
    translation: bool
    rows: Sequence[int]


class MixtureSampler:
    """Rows drawn with replacement from several corpora and languages, `together` at a time from one group.

    A language has a probability proportional to (its weighted rows) ** alpha; in it, translations have their share;
    in that, a corpus has a probability proportional to its weighted rows.
    """

    def __init__(
        self, groups: Sequence[Group], mixture: Mixture, batch_size: int, seed: int, contrastive_group_size: int = 1
    ) -> None:
        self.groups = [group for group in groups if len(group.rows)]
        self.batch_size, self.seed, self.contrastive_group_size = batch_size, seed, contrastive_group_size
        self.shares = _shares(self.groups, mixture)

    def global_batch(self, step: int) -> list[int]:
        """Row numbers of the batch of update `step` (from 0)."""
        rng = rng_for(self.seed, 1, step)
        drawn = rng.choice(len(self.groups), size=self.batch_size // self.contrastive_group_size, p=self.shares)
        batch: list[int] = []
        for number in drawn:
            rows = self.groups[number].rows
            # Rows that stand together differ, if there are enough: they may be each other's wrong answers.
            chosen = rng.choice(len(rows), self.contrastive_group_size, replace=len(rows) < self.contrastive_group_size)
            batch += [int(rows[i]) for i in chosen]
        return batch


def _shares(groups: Sequence[Group], mixture: Mixture) -> list[float]:
    """The probability of each group."""
    sizes = [mixture.weights[group.corpus] * len(group.rows) for group in groups]
    by_language: dict[str, float] = {}
    by_kind: dict[tuple[str, bool], float] = {}
    for group, size in zip(groups, sizes, strict=True):
        kind = group.language, group.translation
        by_language[group.language] = by_language.get(group.language, 0.0) + size
        by_kind[kind] = by_kind.get(kind, 0.0) + size
    total = sum(size**mixture.alpha for size in by_language.values())
    shares = []
    for group, size in zip(groups, sizes, strict=True):
        kind = group.language, group.translation
        share = by_language[group.language] ** mixture.alpha / total
        if mixture.translations is None:
            share *= size / by_language[group.language]
        else:
            both = (group.language, not group.translation) in by_kind
            of_kind = mixture.translations if group.translation else 1 - mixture.translations
            share *= (of_kind if both else 1.0) * size / by_kind[kind]
        shares.append(share)
    return shares
