"""Recall at k of retrieval where a query may have several right candidates: by the rank of the best of them."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.metrics.retrieval import Vectors, unit

_BLOCK = 256  # queries; with 10,000 candidates one block of similarities is 20 MB


def rank_of_best(queries: Vectors, candidates: Vectors, right: Sequence[Sequence[int]]) -> list[int]:
    """Of each query the rank, by cosine, of the best of its right candidates: 1 + how many wrong ones are at least as
    near. So vectors that are all equal have the last ranks, not the first.

    Args:
        queries: (n, d) floats.
        candidates: (m, d) floats.
        right: of each query the indices of its right candidates, at least one.

    Raises:
        ValueError: a number is not finite.
    """
    queries, candidates = unit(queries), unit(candidates)
    ranks: list[int] = []
    for first in range(0, len(queries), _BLOCK):
        block = queries[first : first + _BLOCK] @ candidates.T
        for cosines, own in zip(block, right[first : first + _BLOCK], strict=True):
            own = list(own)
            best = cosines[own].max()
            ranks.append(1 + int((cosines >= best).sum() - (cosines[own] >= best).sum()))
    return ranks
