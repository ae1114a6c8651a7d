"""Accuracy of sentence retrieval, as XTREME reports it for Tatoeba: nearest neighbour by cosine."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating[Any]]
_BLOCK = 1024  # vectors a side; one block of similarities is then 8 MB


def nearest_neighbours(queries: Vectors, candidates: Vectors, block: int = _BLOCK) -> NDArray[np.int64]:
    """Index of the candidate with the highest cosine for each query; of equal ones, the first.

    Never holds more than ``block`` x ``block`` similarities. A vector of zeros has cosine 0 with every other.

    Args:
        queries: (n, d) floats.
        candidates: (m, d) floats, m at least 1.

    Returns:
        (n,) indices into ``candidates``.

    Raises:
        ValueError: the shapes do not fit, there is nothing to search in, or a number is not finite.
    """
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"queries and candidates must be (n, d) and (m, d), not {queries.shape} and {candidates.shape}"
        )
    if not len(candidates):
        raise ValueError("there are no candidates to search in")
    queries, candidates = unit(queries), unit(candidates)
    best = np.full(len(queries), -np.inf)
    index = np.zeros(len(queries), dtype=np.int64)
    for row in range(0, len(queries), block):
        rows = slice(row, row + block)
        for column in range(0, len(candidates), block):
            cosine = queries[rows] @ candidates[column : column + block].T
            arg = cosine.argmax(axis=1)
            value = cosine[np.arange(len(arg)), arg]
            better = value > best[rows]  # strictly, so that the first of equal candidates stays
            index[rows][better] = arg[better] + column
            best[rows][better] = value[better]
    return index


def retrieval_scores(found: Sequence[int] | NDArray[np.int64]) -> dict[str, float]:
    """Share of queries whose nearest candidate is their translation, which stands in the query's own row.

    Args:
        found: row of the nearest candidate, by row of the query, as `nearest_neighbours` gives it.

    Returns:
        ``{"accuracy"}`` in percent.

    Raises:
        ValueError: there is no query.
    """
    if not len(found):
        raise ValueError("no query to score: retrieval accuracy of nothing is undefined")
    return {"accuracy": 100.0 * sum(int(at) == row for row, at in enumerate(found)) / len(found)}


def unit(vectors: Vectors) -> NDArray[np.float64]:
    """Each vector divided by its length. Raises ValueError where a number is not finite."""
    # In double precision, so that rounding does not decide between near neighbours differently from block to
    # block.
    wide = np.asarray(vectors, dtype=np.float64)
    if not np.isfinite(wide).all():
        raise ValueError("a vector holds a number that is not finite (NaN or infinity)")
    norm = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(wide, norm, out=np.zeros_like(wide), where=norm > 0)
    return unit
