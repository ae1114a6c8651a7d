"""Distances between sets of rows, on distributions whose distance is known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

from trainables.analysis.distances import Rows, TooFewRows, cosine_of_means, jensen_shannon, mmd2, proxy_a_distance


def gaussian(rows, mean, seed, spread=1.0):
    vectors = np.random.default_rng(seed).normal(size=(rows, len(mean))) * spread + np.asarray(mean)
    return Rows(vectors, np.arange(rows) + 10_000 * seed)


@pytest.mark.parametrize(
    ("ours", "theirs", "divergence"),
    [
        ({1: 3, 2: 1}, {1: 30, 2: 10}, 0.0),  # equal shares, other counts
        ({1: 5}, {2: 1, 3: 7}, 1.0),  # nothing in common
        ({1: 1}, {1: 1, 2: 1}, 1.5 - 0.75 * math.log2(3)),  # H(3/4, 1/4) - (0 + 1) / 2, and H = 2 - 3/4 log2 3
    ],
)
def test_jensen_shannon_in_bits(ours, theirs, divergence):
    assert jensen_shannon(ours, theirs) == pytest.approx(divergence, abs=1e-12)
    assert jensen_shannon(theirs, ours) == pytest.approx(divergence, abs=1e-12)


@pytest.mark.parametrize("gap", [0.0, 1.0, 2.0, 8.0])
def test_proxy_a_distance_is_that_of_the_best_linear_rule_between_two_gaussians(gap):
    ours, theirs = gaussian(3000, [0, 0, 0], 1), gaussian(4000, [gap, 0, 0], 2)
    error = ndtr(-gap / 2)  # of the best classifier there is, which is linear here
    assert proxy_a_distance(ours, theirs) == pytest.approx(2 * (1 - 2 * error), abs=0.06)


@pytest.mark.parametrize(("gap", "spread", "bandwidth"), [(0.0, 1.0, 1.0), (1.0, 1.0, 2.0), (2.0, 0.5, 1.0)])
def test_mmd_of_two_gaussians(gap, spread, bandwidth):
    """Of x - y ~ N(d, 2 s^2 I), and w = b^2 + 2 s^2, the kernel's mean is (b^2 / w)^(k/2) exp(-|d|^2 / 2w)."""
    width, dimensions = bandwidth**2 + 2 * spread**2, 2
    scale = (bandwidth**2 / width) ** (dimensions / 2)
    known = 2 * scale * (1 - math.exp(-(gap**2) / (2 * width)))
    found = [
        mmd2(gaussian(400, [0, 0], seed, spread), gaussian(300, [gap, 0], 50 + seed, spread), bandwidth)
        for seed in range(1, 21)
    ]
    # The estimate is unbiased: its mean over draws is right within four of its own standard errors.
    assert abs(np.mean(found) - known) < 4 * np.std(found) / math.sqrt(len(found))


def test_the_usual_bandwidth_is_the_median_distance():
    ours, theirs = gaussian(30, [0, 0], 1), gaussian(40, [3, 0], 2)
    both = np.concatenate([ours.vectors, theirs.vectors])
    distances = [math.dist(a, b) for i, a in enumerate(both) for b in both[:i]]
    assert mmd2(ours, theirs) == pytest.approx(mmd2(ours, theirs, float(np.median(distances))), rel=1e-9)


def test_a_set_has_no_distance_to_itself():
    rows = gaussian(101, [1, 2, 3], 1)
    again = Rows(rows.vectors[::-1].copy(), rows.texts[::-1].copy())
    assert mmd2(rows, again) == pytest.approx(0, abs=1e-12)
    assert proxy_a_distance(rows, again) == pytest.approx(0, abs=1e-12)
    assert cosine_of_means(rows.vectors, again.vectors) == pytest.approx(1)


def test_cosine_of_means():
    ours, theirs = np.array([[2.0, 0], [0, 0]]), np.array([[1.0, 1], [3, 3]])
    assert cosine_of_means(ours, theirs) == pytest.approx(math.sqrt(0.5))
    assert cosine_of_means(np.zeros((2, 2)), theirs) == 0


def test_rows_that_are_too_few_are_said():
    few, many = gaussian(1, [0, 0], 1), gaussian(9, [0, 0], 2)
    for measure in (mmd2, proxy_a_distance):
        with pytest.raises(TooFewRows, match="give"):
            measure(few, many)
    with pytest.raises(TooFewRows, match="give"):
        jensen_shannon({}, {1: 2})
