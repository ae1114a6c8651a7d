"""Batches are a function of (seed, step); cuts lose nothing and keep the budget."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.batching.micro_batches import shard_for_rank, split_micro_batch_groups, split_micro_batches
from trainables.batching.samplers import EpochSampler, Group, MixtureSampler
from trainables.recipe.sampling import Mixture

lengths = st.lists(st.integers(1, 200), min_size=1, max_size=60)


@given(lengths, st.integers(1, 5), st.integers(1, 2000))
def test_a_cut_has_every_row_once_within_the_budget_and_equal_numbers_for_all(sizes, workers, tokens):
    parts = split_micro_batches(sizes, workers, tokens)
    assert sorted(row for part in parts for row in part) == list(range(len(sizes)))
    assert len(parts) % workers == 0
    for part in parts:
        assert len(part) <= 1 or len(part) * max(sizes[row] for row in part) <= tokens
    shares = [shard_for_rank(parts, worker, workers) for worker in range(workers)]
    assert len({len(one) for one in shares}) == 1
    assert sum(len(part) for one in shares for part in one) == len(sizes)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**31))
def test_every_epoch_reads_every_row_once(rows, batch, seed):
    order = EpochSampler(rows, batch, seed)
    stream = [row for step in range(3 * rows) for row in order.global_batch(step)]
    for epoch in range(3):
        assert sorted(stream[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


@given(st.integers(2, 50), st.integers(1, 20), st.integers(0, 30))
def test_a_batch_does_not_depend_on_the_batches_before_it(rows, batch, step):
    walked = EpochSampler(rows, batch, 7)
    for earlier in range(step):
        walked.global_batch(earlier)
    assert walked.global_batch(step) == EpochSampler(rows, batch, 7).global_batch(step)


def test_seeds_give_different_orders():
    assert EpochSampler(50, 50, 1).global_batch(0) != EpochSampler(50, 50, 2).global_batch(0)


@given(lengths, st.integers(1, 3), st.integers(1, 5000), st.integers(2, 9))
def test_rows_that_belong_together_are_never_cut(sizes, workers, tokens, together):
    parts = split_micro_batch_groups(sizes, workers, tokens, together)
    assert len(parts) % workers == 0
    assert sorted(row for part in parts for row in part) == list(range(len(sizes)))
    runs = {row: row // together for row in range(len(sizes))}
    homes = [{runs[row] for row in part} for part in parts]
    assert sum(len(home) for home in homes) == len(set(runs.values()))
    assert all(part == sorted(part) for part in parts)


def group(corpus: int, language: str, first: int, rows: int, translation: bool = False) -> Group:
    return Group(corpus, language, translation, range(first, first + rows))


MIXED = [
    group(0, "en", 0, 900),
    group(0, "sw", 900, 100),
    group(0, "sw", 1000, 50, translation=True),
    group(1, "sw", 1050, 250, translation=True),
]


def test_a_mixture_has_the_shares_that_it_says():
    # 900 rows of en against 400 of sw, where corpus 1 counts twice: 650.
    mixed = MixtureSampler(MIXED, Mixture(weights=(1.0, 2.0), alpha=0.5, translations=0.75), 10, seed=1)
    swahili = 650**0.5 / (650**0.5 + 900**0.5)
    assert mixed.shares == pytest.approx(
        [1 - swahili, 0.25 * swahili, 0.75 * swahili * 50 / 550, 0.75 * swahili * 500 / 550]
    )
    rows = [row for step in range(2000) for row in mixed.global_batch(step)]
    found = Counter(next(i for i, one in enumerate(MIXED) if row in one.rows) for row in rows)
    assert [found[i] / len(rows) for i in range(4)] == pytest.approx(mixed.shares, abs=0.02)


def test_with_alpha_one_and_no_shares_every_row_is_as_likely():
    mixed = MixtureSampler(MIXED, Mixture(weights=(1.0, 1.0), alpha=1.0), 10, seed=1)
    assert mixed.shares == pytest.approx([900 / 1300, 100 / 1300, 50 / 1300, 250 / 1300])


def test_rows_that_stand_together_are_of_one_group_and_differ():
    mixed = MixtureSampler(MIXED, Mixture(weights=(1.0, 1.0), alpha=0.3), 40, seed=1, contrastive_group_size=20)
    for step in range(20):
        batch = mixed.global_batch(step)
        assert batch == mixed.global_batch(step)
        for run in (batch[:20], batch[20:]):
            assert len(set(run)) == 20
            assert sum(set(run) <= set(one.rows) for one in MIXED) == 1
