"""Sums and quotients of scores: exact where nothing is drawn, and their intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from sweeps.report.contrasts import Judge, Part, Runs, mean_of, minus, quotient
from sweeps.report.questions.lines import over_tasks, slope, slope_factors

A, B, C = (Part("m", name, "t", "x") for name in "abc")


def test_sums_by_hand():
    assert mean_of([{A: 1.0}, {A: 1.0, B: 2.0}]) == {A: 1.0, B: 1.0}
    assert minus({A: 1.0}, {A: 1.0, C: 0.5}) == {A: 0.0, C: -0.5}


def test_a_quotient_covers_at_the_stated_rate():
    """A tenth of a gap of twenty points is closed; three seeds, errors over examples that both gaps share in part."""
    rng, trials, held = np.random.default_rng(1), 500, 0
    for _ in range(trials):
        shared, own = rng.normal(0, 1, (2, 1)), rng.normal(0, 1, (2, 3))
        above, below = 2 + 0.8 * shared[0] + own[0], 20 + 0.8 * shared[0] + own[1]
        drawn = [Runs(one, one + 0.8 * rng.normal(0, 1, (400, 1))) for one in (above, below)]
        found = quotient(*drawn)
        held += found.interval[0] <= 10 <= found.interval[1]
    assert held / trials > 0.95 - 3 * np.sqrt(0.05 * 0.95 / trials)


def test_there_is_no_quotient_by_what_may_be_zero():
    rng = np.random.default_rng(2)
    small = Runs(np.array([0.5, -0.2, 0.3]), rng.normal(0, 1, (400, 3)))
    assert quotient(small, small) is None


def test_a_slope_is_that_of_least_squares():
    sizes, scores = [7e9, 13e9, 30e9, 65e9], np.array([40.0, 44.0, 45.0, 51.0])
    expected = np.polyfit(np.log2(sizes), scores, 1)[0]
    assert np.dot(slope_factors(sizes), scores) == pytest.approx(expected)
    assert slope([{A: 1.0}, {B: 1.0}], [1e9, 4e9]) == {A: pytest.approx(-0.5), B: pytest.approx(0.5)}


def test_tasks_as_a_draw_of_many_cover():
    rng, trials = np.random.default_rng(3), 1000
    found = [over_tasks(list(rng.normal(1.0, 2.0, 5))) for _ in range(trials)]
    held = np.mean([one.low <= 1.0 <= one.high for one in found])
    assert abs(held - 0.95) < 3 * np.sqrt(0.05 * 0.95 / trials)
    assert over_tasks([1.0]) is None


def test_models_that_read_the_same_rows_are_resampled_together(asked):
    """What rows have in common cancels: a difference of two models is surer than their scores, taken apart, make it."""
    judge = asked.study.judge
    sums = [judge.scores(model, "toy-nli", "toy-nli", ["de"]) for model in ("tiny-a", "tiny-b")]
    both = judge.runs(sums)
    apart = sum(run.resampled.mean(1).var() for run in both)
    together = (both[0].resampled - both[1].resampled).mean(1).var()
    assert together < 0.8 * apart


def test_a_noisy_copy_is_resampled_with_its_clean_rows_and_another_set_is_not(asked):
    judge, targets = asked.study.judge, ("toy-nli", "toy-noisy", "toy-more")
    sums = {name: judge.scores("tiny-a", "none", name, ["de"]) for name in targets}
    drawn = {name: judge.runs([one])[0].resampled[:, 0] for name, one in sums.items()}
    assert np.corrcoef(drawn["toy-nli"], drawn["toy-noisy"])[0, 1] > 0.15
    assert abs(np.corrcoef(drawn["toy-nli"], drawn["toy-more"])[0, 1]) < 0.1


def test_what_is_missing_has_no_difference(asked):
    judge, real = Judge(asked.results), Part("tiny-a", "none", "toy-nli", "de")
    assert judge.difference({real: 1.0}) is None  # not read
    assert asked.study.judge.difference({real: 1.0}).value > 0
    assert asked.study.judge.ratio({real._replace(model="no"): 1.0}, {real: 1.0}) is None
