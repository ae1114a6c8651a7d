"""How far apart two sets of rows are: by their subwords, or by one vector for each row.

All is computed on the host in float64. A function that draws says its seeds; the same input gives the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist
from scipy.special import expit, rel_entr

from trainables.failure import NonRetryable

Floats = NDArray[np.floating[Any]]

SEEDS = (1, 2, 3, 4, 5)
"""Of the halves that the proxy A-distance is learnt and measured on."""
PENALTY = 1.0
"""Of the classifier's squared weights, in units of one row's loss."""
FEWEST = 4
"""Rows of a set that the proxy A-distance can be halved with."""
BLOCK = 1024
"""Rows of a kernel matrix that are held at once."""


@dataclass(frozen=True)
class Rows:
    """Some rows, each as one vector."""

    vectors: Floats
    """(rows, features)."""
    texts: NDArray[Any]
    """(rows,) what each row is: equal for equal rows, in both sets that are compared."""


class TooFewRows(NonRetryable, ValueError):
    """Two sets of rows cannot be compared: one has too few."""


def jensen_shannon(ours: Mapping[int, int], theirs: Mapping[int, int]) -> float:
    """Jensen-Shannon divergence of two distributions, to base 2: 0 where they are equal, 1 where nothing is in both.

    The mean of the divergences (Kullback-Leibler) of each from the mean of the two, so it is finite where something is
    in one alone, and nothing is smoothed. Lin 1991 (IEEE Transactions on Information Theory 37:1); as a measure for
    choosing training data, Ruder & Plank 2017 (arXiv 1707.05246).

    Args:
        ours, theirs: how often each subword is in the rows, by its id.

    Raises:
        TooFewRows: one of them counts nothing.
    """
    if not ours or not theirs:
        raise TooFewRows("there is no subword in one of two sets of rows; give rows with text")
    ids = sorted({*ours, *theirs})
    p, q = (_shares(np.array([side.get(one, 0) for one in ids], dtype=float)) for side in (ours, theirs))
    middle = (p + q) / 2
    return float((rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / (2 * np.log(2)))


def _shares(counts: Floats) -> Floats:
    shares: Floats = counts / counts.sum()
    return shares


def proxy_a_distance(ours: Rows, theirs: Rows, seeds: Sequence[int] = SEEDS) -> float:
    """Proxy A-distance: 2 (1 - 2e), where e is the error of a linear classifier that tells the two sets apart.

    About 0 where it cannot (also below, by chance), 2 where it never errs. Ben-David et al. 2007 (Analysis of
    Representations for Domain Adaptation, NIPS). The classifier is logistic regression with an L2 penalty of `PENALTY`,
    on features standardised by the rows it learns from. Of the larger set as many rows are drawn as the smaller has;
    each seed draws them and halves them: learnt on one half, e is measured on the other, as the mean over the two sets.
    The distance is the mean over seeds. Equal rows are in the same half: apart, a row that is in both sets would be
    learnt as one set's and judged as the other's.

    Raises:
        TooFewRows: a set has fewer than `FEWEST` rows.
    """
    count = min(len(ours.vectors), len(theirs.vectors))
    if count < FEWEST:
        raise TooFewRows(f"{count} rows are too few to tell two sets apart; give {FEWEST} or more")
    errors = [_held_out_error(ours, theirs, count, np.random.default_rng(seed)) for seed in seeds]
    return float(np.mean([2 * (1 - 2 * error) for error in errors]))


def _held_out_error(ours: Rows, theirs: Rows, count: int, rng: np.random.Generator) -> float:
    picked = [rng.permutation(len(side.vectors))[:count] for side in (ours, theirs)]
    vectors = np.concatenate([side.vectors[rows] for side, rows in zip((ours, theirs), picked, strict=True)])
    texts = np.concatenate([side.texts[rows] for side, rows in zip((ours, theirs), picked, strict=True)])
    different, number = np.unique(texts, return_inverse=True)
    held_out = (rng.permutation(len(different)) % 2 == 1)[number]
    of_theirs = np.repeat([False, True], count)
    learnt = np.asarray(vectors[~held_out], dtype=float)
    mean, scale = learnt.mean(0), learnt.std(0)
    scale[scale == 0] = 1.0
    weights, bias = _logistic((learnt - mean) / scale, of_theirs[~held_out].astype(float))
    decided = ((vectors[held_out] - mean) / scale) @ weights + bias > 0
    wrong, side = decided != of_theirs[held_out], of_theirs[held_out]
    return float(np.mean([wrong[side == one].mean() if (side == one).any() else 0.5 for one in (False, True)]))


def _logistic(features: Floats, labels: Floats) -> tuple[Floats, float]:
    """Weights and bias of a logistic regression; the bias has no penalty."""
    signs = 2 * labels - 1

    def loss(packed: Floats) -> tuple[float, Floats]:
        weights, bias = packed[:-1], packed[-1]
        margins = signs * (features @ weights + bias)
        slopes = -signs * expit(-margins)
        value = np.logaddexp(0, -margins).sum() + PENALTY * weights @ weights / 2
        return value, np.append(features.T @ slopes + PENALTY * weights, slopes.sum())

    found = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return found[:-1], float(found[-1])


def mmd2(ours: Rows, theirs: Rows, bandwidth: float | None = None) -> float:
    """Squared maximum mean discrepancy, the unbiased estimate: about 0 (also below) where the two come from one
    distribution.

    Gretton et al. 2012 (A Kernel Two-Sample Test, JMLR 13, lemma 6). The kernel is exp(-|x - y|^2 / (2 bandwidth^2));
    without a bandwidth it is the median distance between two rows of both sets together (the heuristic used there). A
    row is never compared with itself, also where it is in both sets.

    Raises:
        TooFewRows: a set has one row, or there are no two different rows between the sets.
    """
    n, m = len(ours.vectors), len(theirs.vectors)
    if min(n, m) < 2:
        raise TooFewRows("two rows of each set are the least that can be compared; give more")
    width = median_distance(ours.vectors, theirs.vectors) if bandwidth is None else bandwidth
    if not width:
        return 0.0  # every row is the same one
    between, pairs = _kernel_sum(ours, theirs, width, different=True)
    if not pairs:
        raise TooFewRows("the two sets are one and the same row; give others")
    within = [(_kernel_sum(side, side, width)[0] - k) / (k * (k - 1)) for side, k in ((ours, n), (theirs, m))]
    return float(sum(within) - 2 * between / pairs)


def median_distance(ours: Floats, theirs: Floats) -> float:
    """The median distance between two different rows of both sets together; where that is 0, the mean."""
    distances = pdist(np.concatenate([ours, theirs]))
    return float(np.median(distances)) or float(distances.mean())


def _kernel_sum(ours: Rows, theirs: Rows, bandwidth: float, different: bool = False) -> tuple[float, int]:
    """The sum of the kernel over pairs, and how many they are; `different`: without pairs of equal rows."""
    total, pairs = 0.0, 0
    for start in range(0, len(ours.vectors), BLOCK):
        block = slice(start, start + BLOCK)
        values = np.exp(-cdist(ours.vectors[block], theirs.vectors, "sqeuclidean") / (2 * bandwidth**2))
        if different:
            values = values[ours.texts[block, None] != theirs.texts]
        total, pairs = total + float(values.sum()), pairs + values.size
    return total, pairs


def cosine_of_means(ours: Floats, theirs: Floats) -> float:
    """Cosine of the mean vectors of two sets; 0 where one of them is zero.

    With the mean over tokens of the last block as the vector of a row it is the similarity of text embeddings of Vu et
    al. 2020 (arXiv 2005.00770). Vectors of most encoders lie in a narrow cone, so all cosines are near
    1; it is their order that tells.
    """
    left, right = np.asarray(ours, dtype=float).mean(0), np.asarray(theirs, dtype=float).mean(0)
    length = np.linalg.norm(left) * np.linalg.norm(right)
    return float(left @ right / length) if length else 0.0
