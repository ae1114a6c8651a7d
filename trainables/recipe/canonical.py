"""Canonical JSON and the fingerprint of a recipe.

A fingerprint is only worth something if equal meaning gives equal bytes on every machine and in every later
version, so whatever has no such form (objects, sets, callables, NaN) is refused, never written by its `repr`.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict


class NotCanonical(TypeError):
    """A value that has no canonical JSON form; the message names the place and the type."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"recipe{place} {problem}")
        self._problem, self._place = problem, place

    def within(self, place: str) -> NotCanonical:
        """The same, `place` further down."""
        return NotCanonical(self._problem, place + self._place)


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys, no spaces, ASCII only.

    Accepts dictionaries with string keys, lists, tuples (written as lists), strings, integers, booleans, finite
    floats (shortest form that reads back equal) and None. Raises `NotCanonical` for anything else.
    """
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def fingerprint(value: Any) -> str:
    """sha256 of the canonical JSON of `value`: 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def _check(value: Any) -> None:
    # A plan has thousands of recipes: what to say of a place is made up on the way back from a wrong value only.
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return
    if kind is float:
        if not math.isfinite(value):
            raise NotCanonical(f"is {value}: only finite numbers can be written canonically")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise NotCanonical(f"has the key {key!r}: keys must be strings")
            try:
                _check(item)
            except NotCanonical as error:
                raise error.within(f".{key}") from None
    elif kind is list or kind is tuple:
        for i, item in enumerate(value):
            try:
                _check(item)
            except NotCanonical as error:
                raise error.within(f"[{i}]") from None
    else:
        raise NotCanonical(
            f"is of type {kind.__name__}, which has no canonical form: "
            "use numbers, strings, booleans, lists and dictionaries"
        )


class Frozen(BaseModel):
    """Immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
