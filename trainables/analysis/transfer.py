"""How well the features of a checkpoint fit the labels of a task, before it is trained on that task.

Higher is better, of measures of one task only: none of them can be compared between tasks. All is computed on the host
in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.integer[Any]]

GRID = 121
"""Ratios of the two precisions at which the evidence is looked at before the best is refined."""
REACH = 18.0
"""How far, in nats, beyond the eigenvalues of the features these ratios go."""


def logme(features: Floats, labels: Numbers) -> float:
    """LogME: the log of the maximum evidence of a Bayesian linear model of the labels, per row, mean over classes.

    You et al. 2021 (arXiv 2102.11005; reference: github.com/thuml/LogME). Each class is a column of zeros and
    ones y with y ~ N(F w, 1/b) and w ~ N(0, 1/a); the evidence p(y | F, a, b) is maximised over a and b. For a ratio
    t = a/b the best b is known, so what is left is a function of t alone, which is maximised on a grid and refined: the
    maximum that the reference's fixed-point iteration goes towards. A class that no row has is left out.

    Args:
        features: F (rows, features); neither centred nor scaled, as in the reference.
        labels: the number of the class of each row.
    """
    rows = len(labels)
    left, values, _ = np.linalg.svd(np.asarray(features, dtype=float), full_matrices=False)
    squares = values**2
    kept = squares > squares.max(initial=0.0) * 1e-14
    left, squares = left[:, kept], squares[kept]
    return float(np.mean([_evidence(left, squares, labels == one) / rows for one in np.unique(labels)]))


def _evidence(left: Floats, squares: Floats, of_class: NDArray[np.bool_]) -> float:
    """The log of the maximum evidence for one class. `left`, `squares`: singular vectors and squared values of F."""
    targets = of_class.astype(float)
    rows, along = len(targets), left.T @ targets
    outside = max(0.0, float(targets @ targets - along @ along))

    def evidence(log_ratio: float) -> float:
        shrunk = 1 / (1 + squares / np.exp(log_ratio))  # t / (t + s)
        error = outside + float(along**2 @ shrunk)
        return float(np.log(shrunk).sum() / 2 - rows / 2 * (np.log(error / rows) + 1 + np.log(2 * np.pi)))

    low, high = (float(np.log(one)) for one in (squares.min(initial=1.0), squares.max(initial=1.0)))
    grid = np.linspace(low - REACH, high + REACH, GRID)
    best = int(np.argmax([evidence(one) for one in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)])
    found = minimize_scalar(lambda one: -evidence(one), bounds=around, method="bounded", options={"xatol": 1e-9})
    return max(-float(found.fun), evidence(grid[best]))


def leep(predicted: Floats, labels: Numbers) -> float:
    """LEEP: the mean log-likelihood of the labels under the expected empirical predictor. 0 at most.

    Nguyen et al. 2020 (arXiv 2002.12462): from what a classifier of other classes z says of the rows, the
    joint distribution of z and the label y is counted; p(y | row) is the sum over z of p(y | z) p(z | row).

    Args:
        predicted: (rows, source classes) probabilities, each row sums to 1.
        labels: the number of the class of each row.
    """
    predicted = np.asarray(predicted, dtype=float)
    classes, numbers = np.unique(labels, return_inverse=True)
    joint = np.zeros((len(classes), predicted.shape[1]))
    np.add.at(joint, numbers, predicted / len(labels))
    of_source = joint.sum(0)
    given = np.divide(joint, of_source, out=np.zeros_like(joint), where=of_source > 0)
    return float(np.mean(np.log(np.einsum("rz,rz->r", predicted, given[numbers]))))


def h_score(features: Floats, labels: Numbers) -> float | None:
    """H-score: trace(cov(f)^-1 cov(E[f | y])). From 0 to the smaller of features and classes - 1.

    Bao et al. 2019 (An Information-Theoretic Approach to Transferability in Task Transfer Learning, ICIP, definition 2;
    reference: github.com/YaojieBao/An-Information-theoretic-Metric-of-Transferability). The inverse is the
    pseudo-inverse, as there.

    None where there are no more rows than features and classes together: then the score is as high as it can be,
    whatever the labels (Ibrahim et al. 2022, arXiv 2110.06893, on its instability).

    Args:
        features: (rows, features).
        labels: the number of the class of each row.
    """
    features = np.asarray(features, dtype=float)
    classes, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(features) <= features.shape[1] + len(classes):
        return None
    centred = features - features.mean(0)
    sums = np.zeros((len(classes), features.shape[1]))
    np.add.at(sums, numbers, centred)
    between = sums.T @ (sums / counts[:, None])
    return float(np.trace(np.linalg.pinv(centred.T @ centred, rcond=1e-12, hermitian=True) @ between))
