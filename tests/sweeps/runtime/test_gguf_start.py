"""A sweep whose models start from a GGUF file."""

from __future__ import annotations

import pytest
import torch
from peft import AutoPeftModel

from tests.trainables.models.tiny_gguf import write
from trainables.models.artifact import export_adapters
from trainables.models.loading import load_backbone

pytestmark = pytest.mark.deepspeed


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))


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


def test_its_weights_are_divided_under_zero_stage_3_and_its_adapters_open_with_peft(here, tiny, tmp_path):
    """The folder that it was converted to may be gone: adapters are exported with the model that they lie on."""
    file = write(tmp_path / "model.gguf")
    lora = {"adaptation": {"lora": {"rank": 2, "targets": "all-linear"}}}
    fields = {
        **tiny,
        "models": {"g": {"start": str(file)}},
        "targets": ["gen-tags"],
        "languages": ["one", "two"],
        "training": {"all": {**tiny["training"]["all"], "steps": 2, "evaluate_every": 2, **lora}},
        "execution": {"zero_stage": 3},
    }
    _, plan, store = here(fields, tmp_path)
    step = plan.steps[plan.cells[0].variants[0].training]
    export_adapters(step.recipe.checkpoint, store, step.execution, tmp_path / "exported")
    opened = AutoPeftModel.from_pretrained(tmp_path / "exported").eval()
    ours = load_backbone(step.recipe.checkpoint, store, step.execution).model.eval()
    ids = torch.randint(259, 280, (2, 7), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = opened.base_model.model(input_ids=ids).last_hidden_state
        assert torch.allclose(ours(input_ids=ids).last_hidden_state, theirs, atol=1e-5)
