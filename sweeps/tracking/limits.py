"""Names and values as MLflow takes them, so that nothing is refused: what is too long or oddly written is changed, and
one can see that it was."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

METRICS, PARAMS, TAGS = 800, 100, 100
"""Of each, how many go in one call: MLflow takes 1,000 in all, and no more of the latter two."""
KEY, PARAM, TAG = 250, 6000, 8000
"""Characters of a name, of a parameter's value, of a tag's value."""

RUN_NAMES, SWEEP_NAMES = 60, 400
"""Names of numbers that a run has at most, and all runs of a sweep together. Nothing refuses more, but the UI makes a
column of each name in its tables, and of each pair of name and run a cell where runs are compared; the tests hold that
the studies stay below."""

T = TypeVar("T")


def key(name: str) -> str:
    """A name in characters that MLflow takes: a task may be called `anli+`.

    >>> key("dev_anli+/accuracy")
    'dev_anli_/accuracy'
    """
    taken = posixpath.normpath(re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)).lstrip("/. ")
    if len(taken) <= KEY:
        return taken
    mark = "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return taken[: KEY - len(mark)] + mark


def registered(name: str) -> str:
    """A name that MLflow takes for a registered model: any without `/` and `:`.

    >>> registered("a/b.mnli@sw")
    'a-b.mnli@sw'
    """
    return re.sub(r"[/:]", "-", name)


def value(text: str, limit: int) -> str:
    """A value of at most `limit` characters.

    >>> value("x" * 100, 40)
    'xxxxxxxxxxxxxxx (cut: 100 characters)'
    """
    if len(text) <= limit:
        return text
    mark = f" (cut: {len(text)} characters)"
    return text[: limit - len(mark)] + mark


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in pieces of at most `size`."""
    for i in range(0, len(items), size):
        yield items[i : i + size]
