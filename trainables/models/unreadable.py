"""What transformers raises of a model that it cannot read, as one line of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trainables.failure import NonRetryable, kind_of
from trainables.outside.text import bounded


class WrongWeights(NonRetryable, RuntimeError):
    """The weights of a checkpoint are not those of its architecture; the message lists them."""


@contextmanager
def in_one_line(kind: type[Exception], what: str, mend: str, from_hub: bool = False) -> Iterator[None]:
    """Whatever transformers raises as one of `kind`, but where trying again may help: the hub, or memory."""
    try:
        yield
    except Exception as error:
        if kind_of(error) == "memory" or (from_hub and isinstance(error, OSError)):
            raise
        raise kind(bounded(f"{what} ({first_line(error)}); {mend}")) from error


def first_line(error: BaseException) -> str:
    """What kind of error it is, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
