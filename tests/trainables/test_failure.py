"""What a failure says of itself, across processes."""

from __future__ import annotations

import pickle

import pytest
import torch

from trainables.failure import LAST_LINES, StepFailed, failed, kind_of
from trainables.models.unreadable import WrongWeights
from trainables.tasks.sources import DataError
from trainables.training.state_files import WrongState


def test_torch_says_that_memory_is_short():
    with pytest.raises(RuntimeError) as info:
        torch.empty(10**15)
    assert kind_of(info.value) == "memory"
    assert kind_of(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")) == "memory"
    assert kind_of(MemoryError()) == "memory"


@pytest.mark.parametrize("error", [DataError("x"), WrongWeights("x"), WrongState("x")])
def test_what_would_happen_again_is_settled(error):
    assert kind_of(error) == "settled"


def test_everything_else_may_be_gone_the_next_time():
    assert kind_of(OSError("stale file handle")) == "other"
    assert kind_of(RuntimeError("NCCL watchdog timed out")) == "other"


def test_a_failure_survives_pickling_with_the_end_of_its_traceback():
    def deep(level):
        if level:
            deep(level - 1)
        raise OSError("at the bottom")

    try:
        deep(30)
    except OSError as error:
        told = failed(error)
    again = pickle.loads(pickle.dumps(told))
    assert isinstance(again, StepFailed)
    assert again.kind == "other"
    assert str(again).endswith("OSError: at the bottom")
    assert len(str(again).splitlines()) == LAST_LINES
    assert failed(again) is again
