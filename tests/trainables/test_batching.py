"""Batches are a function of (seed, step); cuts lose nothing and keep the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainables.batching import Order, cut, share

lengths = st.lists(st.integers(1, 200), min_size=1, max_size=60)


@given(lengths, st.integers(1, 5), st.integers(1, 2000))
def test_a_cut_has_every_row_once_within_the_budget_and_equal_numbers_for_all(sizes, workers, tokens):
    parts = cut(sizes, workers, tokens)
    assert sorted(row for part in parts for row in part) == list(range(len(sizes)))
    assert len(parts) % workers == 0
    for part in parts:
        assert len(part) <= 1 or len(part) * max(sizes[row] for row in part) <= tokens
    shares = [share(parts, worker, workers) for worker in range(workers)]
    assert len({len(one) for one in shares}) == 1
    assert sum(len(part) for one in shares for part in one) == len(sizes)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**31))
def test_every_epoch_reads_every_row_once(rows, batch, seed):
    order = Order(rows, batch, seed)
    stream = [row for step in range(3 * rows) for row in order.global_batch(step)]
    for epoch in range(3):
        assert sorted(stream[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


@given(st.integers(2, 50), st.integers(1, 20), st.integers(0, 30))
def test_a_batch_does_not_depend_on_the_batches_before_it(rows, batch, step):
    walked = Order(rows, batch, 7)
    for earlier in range(step):
        walked.global_batch(earlier)
    assert walked.global_batch(step) == Order(rows, batch, 7).global_batch(step)


def test_seeds_give_different_orders():
    assert Order(50, 50, 1).global_batch(0) != Order(50, 50, 2).global_batch(0)


def test_epochs_are_rounded_up_to_whole_steps():
    assert Order(100, 32, 1).steps(1) == 4
    assert Order(100, 32, 1).steps(0.01) == 1
