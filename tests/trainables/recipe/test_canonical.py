"""Canonical JSON: equal meaning, equal bytes; everything else is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.recipe.canonical import NotCanonical, canonical_json, fingerprint

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_reads_back_equal(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_keys_does_not_matter(value):
    backwards = dict(reversed(value.items()))
    assert fingerprint(value) == fingerprint(backwards)


def test_lists_and_tuples_are_one():
    assert canonical_json((1, [2, (3,)])) == "[1,[2,[3]]]"


@pytest.mark.parametrize("value", [math.nan, math.inf, {1}, b"x", {1: 2}, len, object(), [0, {"a": -math.inf}]])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical_json(value)


def test_the_message_names_the_place():
    with pytest.raises(NotCanonical, match=r"recipe\.a\[1\] is of type set"):
        canonical_json({"a": [1, {2}]})
