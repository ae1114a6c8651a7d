"""Blocks are compiled only where there is a compiler."""

from __future__ import annotations

import pytest

from trainables.models.loading import load_backbone
from trainables.models.task_model import new_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.optimisation import Optimisation
from trainables.training.task_data import new_heads


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_without_a_compiler_blocks_stay_as_they_are(world, monkeypatch, tmp_path, caplog, device):
    backbone = load_backbone(world.scratch(), world.store, Execution())
    model = new_task_model(backbone, new_heads(world.train("gen-nli").tasks, 0.1), Optimisation(steps=1), 1)
    monkeypatch.setenv("PATH", str(tmp_path))
    model.compile_blocks(device)
    (said,) = caplog.messages
    assert "no compiler" in said
    assert len(said) < 300
    assert all(block._compiled_call_impl is None for block in backbone.blocks)
