"""Which rows a limit draws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainables.data.prepare import drawn


@given(st.integers(1, 400), st.integers(1, 500), st.integers(1, 500))
def test_a_draw_is_a_part_of_a_larger_one(count, one, other):
    small, large = (drawn(count, limit) for limit in sorted((one, other)))
    assert len(small) == min(count, one, other)
    assert small == sorted(set(small))
    assert set(small) <= set(large) <= set(range(count))


def test_a_set_sorted_by_label_keeps_its_labels():
    labels = [number // 1000 for number in range(3000)]
    found = [labels[number] for number in drawn(3000, 300)]
    assert all(75 <= found.count(label) <= 125 for label in range(3))


def test_the_draw_is_the_same_everywhere():
    assert drawn(1000, 5) == [245, 286, 374, 671, 886]
