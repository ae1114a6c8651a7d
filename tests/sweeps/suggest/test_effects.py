"""The mixed model: predictions, what is hidden, variances; and intervals that cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from sweeps.suggest.effects import Effects, Fitted, fit
from sweeps.suggest.intervals import LEVEL, quantile
from tests.benchmarks.suggest import artificial, judged


def crossed(rows, columns, seed, sds):
    """Scores that are a level of their column, an effect of their row, and noise, with these standard deviations."""
    rng = np.random.default_rng(seed)
    row, column = np.repeat(np.arange(rows), columns), np.tile(np.arange(columns), rows)
    levels, effects = rng.normal(60, sds[0], columns), rng.normal(0, sds[1], rows)
    effects_of = Effects({"level of a target": column, "intermediate": row}, {})
    return effects_of, levels[column] + effects[row] + rng.normal(0, sds[2], rows * columns)


def test_variances_are_found():
    effects, values = crossed(20, 20, 1, (10.0, 3.0, 1.0))
    fitted = fit(effects, np.ones(len(values), dtype=bool), values)
    assert np.sqrt(list(fitted.variances.values())) == pytest.approx([10.0, 3.0, 1.0], rel=0.5)


def test_a_score_that_is_hidden_is_predicted_from_its_row_and_column():
    effects, values = crossed(8, 6, 2, (10.0, 3.0, 0.1))
    seen = np.random.default_rng(3).random(len(values)) > 0.4
    fitted = fit(effects, seen, values)
    assert fitted.predicted[~seen] == pytest.approx(values[~seen], abs=0.6)
    assert np.array_equal(fitted.predicted[seen], values[seen])
    assert (np.diag(fitted.remaining)[~seen] > 0).all()
    assert not fitted.remaining[seen].any()


def test_hiding_a_group_is_predicting_it_without_its_scores():
    effects, values = crossed(6, 5, 4, (8.0, 2.0, 1.0))
    seen = np.ones(len(values), dtype=bool)
    seen[[3, 17]] = False
    fitted = fit(effects, seen, values)
    groups = [np.array([0, 1]), np.array([20])]
    for group, (expected, covariance) in zip(groups, fitted.hidden(groups), strict=True):
        without = seen.copy()
        without[group] = False
        again = Fitted(fitted.mean, fitted.covariance, without, values, fitted.variances)
        assert expected == pytest.approx(again.predicted[group])
        assert covariance == pytest.approx(again.remaining[np.ix_(group, group)])


def test_without_scores_all_is_as_expected_before_any():
    effects, values = crossed(3, 3, 5, (1.0, 1.0, 1.0))
    fitted = fit(effects, np.zeros(9, dtype=bool), values)
    assert np.array_equal(fitted.remaining, fitted.covariance)
    assert np.log(list(fitted.variances.values())) == pytest.approx(effects.expected)


def test_the_quantile_covers_new_draws_at_the_stated_level():
    """Of exchangeable scores a new one is below it with a chance of 90 % at least, and hardly more."""
    drawn = np.random.default_rng(6).exponential(size=(4000, 30))
    below = [new <= quantile(list(scores)) for *scores, new in drawn]
    assert np.mean(below) == pytest.approx(LEVEL, abs=0.02)
    assert quantile([1.0] * 8) is None  # nine are the least for 90 %
    assert quantile([*range(8), 99.0]) == 99.0


def test_hidden_entries_are_found_where_there_is_structure_and_intervals_cover():
    """On tables with a known truth: better than the obvious ways and than chance; 90 % intervals hold about 90 %."""
    draws = [judged(artificial(seed, True), 0.5, np.random.default_rng(seed)) for seed in range(60)]
    ways = [way for way, k in draws[0].regret if k == 1]
    regret = {way: np.mean([np.mean(one.regret[way, 1]) for one in draws]) for way in ways}
    assert regret["suggest"] < 0.8 * min(regret[way] for way in ways if way != "suggest")
    assert regret["suggest"] < 0.5 * regret["random"]
    assert np.mean([inside for one in draws for inside in one.within]) == pytest.approx(0.9, abs=0.05)


def test_nothing_is_found_where_there_is_nothing():
    draws = [judged(artificial(seed, False), 0.5, np.random.default_rng(seed)) for seed in range(60)]
    gains = [np.mean(one.regret["random", 1]) - np.mean(one.regret["suggest", 1]) for one in draws]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains))
    assert np.mean([inside for one in draws for inside in one.within]) == pytest.approx(0.9, abs=0.05)
