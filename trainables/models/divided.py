"""A weight that ZeRO stage 3 has divided among the workers, made whole for a while.

DeepSpeed gives such a weight the methods that are called here, so that a model knows nothing of DeepSpeed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor


@contextmanager
def whole(weight: Tensor, changed: bool = False) -> Iterator[None]:
    """While a weight that may be divided is whole on every worker. Every worker must come here.

    `changed`: they may have changed it, all in the same way.
    """
    if not hasattr(weight, "ds_id"):
        yield
        return
    weight.all_gather([weight])  # type: ignore[attr-defined]
    try:
        yield
    finally:
        weight.partition([weight], has_been_updated=changed)  # type: ignore[attr-defined]
