"""The published settings: which set speaks, and what stands in where it is silent."""

from __future__ import annotations

import pytest

from tests.conftest import OWN_TASKS
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.hyperparameters import SETS


def test_the_targets_of_the_studys_toolkit():
    # jiant at daa5a258: rate 1e-5 for all; epochs XNLI 2, PAWS-X 5, POS 10, NER 10, QA 2; batch 32, QA 16.
    found = {name: get_task(name).defaults("jiant") for name in ("xnli", "pawsx", "udpos", "panx", "xquad", "tydiqa")}
    assert {name: (d.epochs, d.batch_size) for name, d in found.items()} == {
        "xnli": (2, 32),
        "pawsx": (5, 32),
        "udpos": (10, 32),
        "panx": (10, 32),
        "xquad": (2, 16),
        "tydiqa": (2, 16),
    }
    assert {d.learning_rate for d in found.values()} == {1e-5}
    assert {(d.evaluate_every, d.patience, d.dev_limit) for d in found.values()} == {(1000, 30, 500)}


def test_what_a_set_does_not_speak_of_is_set_as_jiant_does_and_says_so():
    assert get_task("xnli").defaults("xtreme").learning_rate == 3e-5
    assert get_task("mnli").defaults("xtreme") == get_task("mnli").defaults("jiant")
    assert get_task("mnli").defaults("xtreme").source.startswith("jiant")
    assert get_task("xnli").defaults("xlmr-authors").batch_size == 128


@pytest.mark.parametrize("name", SETS)
def test_every_task_that_can_be_trained_has_settings_with_a_source(name):
    for task in OWN_TASKS:
        defaults = task.defaults(name)
        assert (defaults is None) == get_task_type(task.type).compares_vectors
        assert defaults is None or defaults.source


def test_stand_ins_are_trained_like_what_they_stand_for():
    assert get_task("snli-cad").defaults("jiant") == get_task("mnli").defaults("jiant")
    assert get_task("squadshifts").defaults("xtreme") == get_task("squad").defaults("xtreme")
