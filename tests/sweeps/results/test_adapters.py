"""A sweep by LoRA, carried out: what its tables, its garbage and its exports say and hold."""

from __future__ import annotations

import shutil

import pytest
import torch
from peft import AutoPeftModel
from transformers import AutoModel
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.results.notes import notes_of
from sweeps.results.results import Results
from sweeps.spec.model import ModelSpec
from sweeps.spec.model_checks import check_model
from sweeps.state.garbage import collect
from sweeps.state.sweep import Sweep
from trainables.models.loading import load_backbone
from trainables.steps import StepRecord
from trainables.store import MODEL, Leases, Store

pytestmark = pytest.mark.deepspeed


@pytest.fixture(scope="module")
def done(here, tiny, tmp_path_factory):
    """LoRA in both phases, and what lies below: a model that was pretrained in full."""
    usual = {"steps": 6, "evaluate_every": 3, "max_length": 64, "batch_size": 16, "learning_rate": 2e-2}
    training = {"all": {**usual, "adaptation": {"lora": {"rank": 4, "targets": "all-linear", "dropout": 0.1}}}}
    pretrain = [{**tiny["models"]["small"]["pretrain"][0], "steps": 2}]
    models = {"small": {**tiny["models"]["small"], "pretrain": pretrain}}
    targets = [{"task": "gen-tags", "languages": ["one", "two"]}]
    fields = {**tiny, "models": models, "intermediates": ["gen-nli"], "targets": targets, "training": training}
    root = tmp_path_factory.mktemp("adapters")
    return Sweep(*here({**fields, "keep": "best"}, root)), root / "sweep.yaml"


def target_of(sweep):
    return sweep.plan.steps[sweep.plan.cells[0].variants[0].training]


def test_notes_and_tags_say_what_was_trained(done):
    sweep, _ = done
    (note,) = [line for line in notes_of(Results(sweep)) if "LoRA" in line]
    assert note.startswith("LoRA rank 4, alpha 8, dropout 0.1, on all-linear (")
    assert "intermediate gen-nli, target gen-tags" in note
    assert note.endswith(
        "from the phase before: new adapters on a checkpoint trained in full, new adapters on merged ones"
    )
    step = target_of(sweep)
    tags = step.kind.shown(step.recipe, StepRecord.of(sweep.store, step.id)).tags
    assert tags["adaptation"] == "LoRA rank 4, alpha 8, dropout 0.1, on all-linear"
    assert tags["taken_over"] == "new adapters on merged ones"
    trained, total = (int(word.replace(",", "")) for word in tags["trained_parameters"].split(" (")[0].split(" of "))
    assert 0 < trained < total


def test_what_adapters_lie_on_stays_with_them(done, tmp_path):
    sweep, _ = done
    shutil.copytree(sweep.store.root, tmp_path / "store")
    store, target = Store(str(tmp_path / "store")), target_of(sweep)
    with Leases(store.files, store.root) as leases:
        collect(Sweep(sweep.spec, sweep.plan, store), leases)
    trained = [step for step in sweep.plan.steps.values() if step.kind.leaves_weights]
    assert len(trained) == 3
    assert not any(store.weights_dropped(step.id) for step in trained)
    assert {step.id for step in trained} <= {target.id, *target.needs}


def test_exported_merged_or_as_adapters_it_is_one_model(done, tmp_path):
    sweep, file = done
    step = target_of(sweep)
    ids = torch.randint(5, 200, (4, 9), generator=torch.Generator().manual_seed(1))
    ours = load_backbone(step.recipe.checkpoint, sweep.store, step.execution).model.eval()

    def export(*more):
        return CliRunner().invoke(app, ["export", str(file), "--to", str(tmp_path / "x"), *more])

    with torch.no_grad():
        expected = ours(input_ids=ids).last_hidden_state
        assert export("--step", step.id).exit_code == 0
        merged = AutoModel.from_pretrained(tmp_path / "x", add_pooling_layer=False).eval()
        assert torch.equal(merged(input_ids=ids).last_hidden_state, expected)
        shutil.rmtree(tmp_path / "x")
        assert export("--step", step.id, "--adapter").exit_code == 0
        opened = AutoPeftModel.from_pretrained(tmp_path / "x", add_pooling_layer=False).eval()
        assert torch.allclose(opened(input_ids=ids).last_hidden_state, expected, atol=1e-5)
    (line,) = check_model(ModelSpec(start=str(tmp_path / "x")), "models.m")  # nobody's sweep starts from adapters
    assert line.startswith("models.m.start: ")
    assert "holds low-rank adapters; give a model" in line
    shutil.rmtree(tmp_path / "x")
    assert "is about a whole model" in export("--step", step.id, "--adapter", "--half").output
    base = step.recipe.checkpoint.over.over.step
    assert "was trained in full and has no adapters" in export("--step", base, "--adapter").output


def test_another_model_below_is_refused_where_adapters_leave_the_store(done, tmp_path):
    from trainables.models.artifact import export_adapters, export_model
    from trainables.models.unreadable import WrongWeights

    sweep, _ = done
    shutil.copytree(sweep.store.root, tmp_path / "store")
    store, step = Store(str(tmp_path / "store")), target_of(sweep)
    base = step.recipe.checkpoint.over.over
    file = store.path(base.step) / MODEL / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(WrongWeights, match="was made again since"):
        export_model(step.recipe.checkpoint, store, step.execution, tmp_path / "x", half=False)
    with pytest.raises(WrongWeights, match="was made again since"):
        export_adapters(step.recipe.checkpoint, store, step.execution, tmp_path / "x")
