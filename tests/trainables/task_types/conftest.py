"""What the tests of task types share."""

from __future__ import annotations

import pytest

from trainables.models.inputs import load_input_encoder
from trainables.recipe.execution import Execution


@pytest.fixture(scope="module")
def encoder(world):
    return load_input_encoder(world.scratch(), world.store, Execution())


@pytest.fixture(scope="module")
def tokenizer(encoder):
    return encoder.tokenizer
