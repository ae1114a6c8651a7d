"""A sweep whose models start from a GGUF file."""

from __future__ import annotations

import pytest

from tests.trainables.models.tiny_gguf import write
from trainables.models.loading import load_backbone

pytestmark = pytest.mark.deepspeed


def test_a_sweep_starts_from_it_with_adapters(here, tiny, tmp_path):
    """What a training leaves is a model of transformers, whatever its beginning was."""
    file = write(tmp_path / "model.gguf")
    lora = {"adaptation": {"lora": {"rank": 2, "targets": "all-linear"}}}
    fields = {
        **tiny,
        "models": {"g": {"start": str(file)}, "b": {"start": str(file), "attention": "bidirectional"}},
        "targets": ["gen-tags"],
        "languages": ["one", "two"],
        "training": {"all": {**tiny["training"]["all"], "steps": 2, "evaluate_every": 2, **lora}},
    }
    _, plan, store = here(fields, tmp_path)
    for cell in plan.cells:
        scores = store.record(cell.evaluation)["result"]["metrics"]
        assert set(scores) == {"one", "two"}
        recipe = plan.steps[cell.variants[0].training].recipe
        model = load_backbone(recipe.checkpoint, store, plan.steps[cell.evaluation].execution)
        assert model.type.shape(model.model.config.to_dict()).causal == (cell.model == "g")
