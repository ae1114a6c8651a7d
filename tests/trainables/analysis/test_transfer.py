"""LogME, LEEP and H-score, against direct computation and where their value is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from trainables.analysis.transfer import h_score, leep, logme


def problem(rows, width, classes, signal, seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=rows - classes)])
    return rng.normal(size=(rows, width)) + signal * rng.normal(size=(classes, width))[labels], labels


def largest_evidence(features, labels):
    """By its definition: y ~ N(0, I / b + F F' / a), maximised over both precisions from several starts."""

    def loss(logs, of_class):
        covariance = np.eye(len(of_class)) / np.exp(min(logs[1], 40)) + features @ features.T / np.exp(min(logs[0], 40))
        return -multivariate_normal.logpdf(of_class, cov=covariance, allow_singular=True)

    found = []
    for one in np.unique(labels):
        of_class = (labels == one).astype(float)
        starts = [(0.0, 1.0), (5.0, 2.0)]
        fits = (minimize(loss, start, args=(of_class,), method="Nelder-Mead").fun for start in starts)
        found.append(-min(fits) / len(labels))
    return float(np.mean(found))


@pytest.mark.parametrize(("rows", "width", "signal"), [(60, 5, 1.0), (20, 30, 1.0), (50, 8, 3.0)])
def test_logme_is_the_largest_evidence(rows, width, signal):
    features, labels = problem(rows, width, 3, signal, seed=rows)
    assert logme(features, labels) == pytest.approx(largest_evidence(features, labels), abs=2e-4)


def test_logme_of_features_that_say_nothing_is_that_of_noise_alone():
    """With features at right angles to the labels the best prior is a point at zero: y ~ N(0, mean of y^2)."""
    labels = np.array([0, 1] * 10)
    features = np.repeat([1.0, -1.0], 10)[:, None] * np.ones((1, 3))
    alone = -0.5 * (math.log(2 * math.pi * 0.5) + 1)
    assert logme(features, labels) == pytest.approx(alone, abs=1e-6)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    assert logme(features @ rotation, labels) == pytest.approx(logme(features, labels), abs=1e-9)


def test_leep_where_it_is_known():
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    certain = np.eye(3)[labels][:, [2, 0, 1]]  # source classes that are the labels, under other numbers
    assert leep(certain, labels) == pytest.approx(0, abs=1e-12)
    entropy = -sum(share * math.log(share) for share in (0.25, 0.25, 0.5))
    assert leep(np.full((8, 5), 0.2), labels) == pytest.approx(-entropy)  # nothing but how often labels are
    drawn = np.random.default_rng(1).dirichlet(np.ones(4), size=8)
    joint = np.array([drawn[labels == one].sum(0) / 8 for one in range(3)])
    by_hand = [math.log(sum(drawn[i, z] * joint[labels[i], z] / joint[:, z].sum() for z in range(4))) for i in range(8)]
    assert leep(drawn, labels) == pytest.approx(np.mean(by_hand))


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_h_score_of_two_gaussians(gap):
    """Means at +m and -m, covariance I within: trace((I + m m')^-1 m m') = |m|^2 / (1 + |m|^2), whatever the basis."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 20_000)
    features = rng.normal(size=(40_000, 4))
    features[:, 1] += np.where(labels, gap, -gap)
    assert h_score(features, labels) == pytest.approx(gap**2 / (1 + gap**2), abs=0.01)
    mixed = features @ rng.normal(size=(4, 4)) + 7
    assert h_score(mixed, labels) == pytest.approx(h_score(features, labels), abs=1e-9)


def test_h_score_is_none_where_it_could_only_be_the_highest():
    features, labels = problem(12, 9, 3, 0.0, seed=1)
    assert h_score(features, labels) is None
    assert h_score(features[:, :3], labels) < 2
