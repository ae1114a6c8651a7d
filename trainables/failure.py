"""What kind of failure ended a step, as far as it decides what to do next. Kept apart from torch: drivers read it."""

from __future__ import annotations

import traceback
from typing import Literal

Kind = Literal["memory", "settled", "other"]
"""`memory`: fewer rows at once may do. `settled`: the same would happen again. `other`: trying again may help."""

OUT_OF_MEMORY = (
    "out of memory",  # CUDA, and torch.OutOfMemoryError
    "can't allocate memory",  # torch's CPU allocator
    "CUBLAS_STATUS_ALLOC_FAILED",
    "Unable to allocate",  # numpy
)
LAST_LINES = 12


class NonRetryable(Exception):
    """Mixed into errors that trying again cannot mend: wrong data, wrong weights, a wrong setting."""


class StepFailed(RuntimeError):
    """A step failed in a process of its own; survives pickling, whatever the cause was."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(kind, text)
        self.kind: Kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text


def failed(error: BaseException) -> StepFailed:
    """`error` in a form that any process can read, with the last lines of its traceback."""
    if isinstance(error, StepFailed):
        return error
    return StepFailed(kind_of(error), last_lines(error))


def kind_of(error: BaseException) -> Kind:
    """What kind of failure `error` is."""
    if isinstance(error, NonRetryable):
        return "settled"
    said = str(error).lower()
    short = isinstance(error, MemoryError) or any(words.lower() in said for words in OUT_OF_MEMORY)
    return "memory" if short else "other"


def last_lines(error: BaseException) -> str:
    """The last lines of an error's traceback."""
    return "\n".join("".join(traceback.format_exception(error)).strip().splitlines()[-LAST_LINES:])
