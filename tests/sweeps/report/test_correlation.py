"""Rank correlations over few intermediates, on draws whose truth is known: level, coverage, strength, ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from sweeps.report.correlation import correlation, fisher, interval, orders, pooled

SHARED = 0.5
"""Of an intermediate's nearness: what all targets have in common."""


def drawn(rng, rho, units, targets, seeds, noise=0.5):
    """Nearness (units, targets) and drops (seeds, units, targets) that hang together by `rho`, in both parts."""
    common = rng.normal(size=(units, 1))
    own = rng.normal(size=(units, targets))

    def partner(part):
        return rho * part + np.sqrt(1 - rho**2) * rng.normal(size=part.shape)

    x = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
    y = np.sqrt(SHARED) * partner(common) + np.sqrt(1 - SHARED) * partner(own)
    return x, y + noise * rng.normal(size=(seeds, units, targets))


def truth(rho, targets, seeds):
    """What so many units would show that luck has no part in it."""
    x, y = drawn(np.random.default_rng(0), rho, 4000, targets, seeds)
    return float(np.mean([spearmanr(x[:, i], y.mean(0)[:, i])[0] for i in range(targets)]))


def test_where_there_is_none_it_is_claimed_at_the_stated_rate():
    """1,000 draws; targets share most of their nearness, which makes nothing look surer than it is."""
    rng, trials = np.random.default_rng(1), 1000
    found = [correlation(*drawn(rng, 0.0, 6, 3, 3), rng) for _ in range(trials)]
    false = np.mean([one.p < 0.05 for one in found])
    assert false < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
    assert false > 0.02
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / trials)
    assert np.mean([one.value for one in found]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("rho", [0.6, 0.9])
def test_one_that_is_there_is_found_at_its_strength(rho):
    rng, trials, real = np.random.default_rng(2), 150, truth(rho, 4, 3)
    found = [correlation(*drawn(rng, rho, 9, 4, 3), rng) for _ in range(trials)]
    # Ranks of nine are coarse: the mean is a little below what many would show, and never above it.
    assert real - 0.1 < np.mean([one.value for one in found]) < real + 0.02
    assert np.mean([one.low <= real <= one.high for one in found]) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / trials)
    assert np.mean([one.p < 0.05 for one in found]) > (0.6 if rho < 0.8 else 0.99)


def test_percentiles_of_so_few_would_hold_it_less_often():
    """Why the interval is on Fisher's scale with Student's t."""
    rng, trials, real = np.random.default_rng(3), 100, truth(0.9, 4, 3)
    held = np.zeros(2)
    for _ in range(trials):
        x, y = drawn(rng, 0.9, 9, 4, 3)
        mean, which = y.mean(0), rng.integers(0, 9, (300, 9))
        low, high = np.percentile(pooled(x[which], mean[which]), [2.5, 97.5])
        ours = interval(x, y, float(pooled(x, mean)), rng)
        held += (low <= real <= high, ours[0] <= real <= ours[1])
    assert held[0] < held[1]


def test_it_is_spearmans_rho_with_ties_and_all_orders_are_tried_of_few():
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 3, (8, 1)).astype(float), rng.normal(size=(8, 1))
    # Ties share their rank, as in scipy; y has none.
    assert float(pooled(x, y)) == pytest.approx(spearmanr(x[:, 0], y[:, 0])[0])
    assert len(orders(5, rng)) == 120
    assert (orders(9, rng)[0] == np.arange(9)).all()
    assert float(pooled(np.ones((5, 1)), y[:5])) == 0.0


def test_four_points_on_a_line_show_nothing_and_five_do():
    rng, line = np.random.default_rng(5), np.arange(5.0)[:, None]
    four, five = (correlation(line[:n], line[None, :n], rng) for n in (4, 5))
    # Two of 24 orders, and two of 120, are as far from none as these.
    assert (four.value, four.p, four.needed) == (1.0, pytest.approx(2 / 24), None)
    assert (five.p, five.needed) == (pytest.approx(2 / 120), pytest.approx(1.0))
    assert four.low < 0.5
    assert four.high == 1.0
    assert float(fisher(np.array(1.0), 4)) < float(fisher(np.array(1.0), 9))


def test_leaving_one_out_shows_whose_it_is():
    x = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [9.0]])
    y = np.array([[3.0], [1.0], [2.0], [1.5], [2.5], [9.0]])
    found = correlation(x, y[None], np.random.default_rng(6))
    assert min(found.without) == found.without[5] < 0.1 < found.value
    with pytest.raises(ValueError, match="3 intermediates; a rank correlation needs 4"):
        correlation(x[:3], y[None, :3], np.random.default_rng(6))
