"""LoRA beside what else a training can be: a decoder divided among workers, several tasks, reseeded, compiled."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from peft.tuners.lora import Linear
from safetensors.torch import load_file

from tests.trainables.golden.trainings import DecoderWorld, likelihood_training
from tests.trainables.models.backbones.test_every_backbone import WorldOf
from tests.trainables.steps.workers import by_two_workers
from tests.trainables.training.test_lora import FILES, by_lora, copy_of, equal, losses
from trainables.models.native import COMPILERS
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.steps.run import carry_out
from trainables.training.state import seed_of

pytestmark = pytest.mark.deepspeed

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
FEW = {"steps": 3, "evaluate_every": 3, "learning_rate": 2e-2}


@pytest.mark.parametrize("way", ["random", "checkpoint", "disk"])
def test_a_decoder_has_the_numbers_of_one_worker_where_two_divide_its_weights(tmp_path, way):
    """From random weights, which are whole until the engine is made, and from a checkpoint, whose never are; with what
    is offloaded on a disk."""
    world = WorldOf(tmp_path / "world", "gemma3_text")
    start = None
    if way != "random":
        first = world.train("gen-nli", steps=1, evaluate_every=1)
        start = CheckpointRef(step=world.do(first))
    recipe = by_lora(world.train("gen-nli", start=start, **FEW, **DROPOUT))
    two = copy_of(world, tmp_path, "two")
    world.do(recipe, Execution(log_every=1, zero_stage=0))
    offload = {"optimizer": "nvme", "parameters": "nvme", "folder": str(tmp_path)}
    more = ["-x", f"offload={json.dumps(offload)}"] if way == "disk" else []
    equal(by_two_workers(recipe, two, tmp_path, 3, *more), world.store, recipe.id)


@pytest.mark.parametrize("model_type", ["xlm-roberta", "gemma3_text"])
def test_adapters_are_merged_into_weights_that_are_never_whole(tmp_path, monkeypatch, model_type):
    """New adapters on those of the phase before, merged on those of the phase before that: each matrix is put together,
    changed and divided again, with the numbers of one worker."""
    world, still = WorldOf(tmp_path / "world", model_type), {"steps": 2, "evaluate_every": 2, "learning_rate": 2e-2}
    full = CheckpointRef(step=world.do(world.train("gen-nli", steps=1, evaluate_every=1)))
    first = by_lora(world.train("gen-nli", start=full, **still))
    world.do(first)
    second = by_lora(world.train("gen-tags", start=first.checkpoint, **still))
    world.do(second)
    third = by_lora(world.train("gen-nli", start=second.checkpoint, **FEW, **DROPOUT))
    plain, stage, two = (copy_of(world, tmp_path, name) for name in ("plain", "stage", "two"))
    world.do(third, Execution(log_every=1, zero_stage=0), store=plain)
    equal(by_two_workers(third, two, tmp_path, 3), plain, third.id)
    merged = []

    def watched(layer, *more):
        merged.append(layer.get_base_layer().weight)
        assert merged[-1].ds_status.name == "AVAILABLE"
        return merge(layer, *more)

    merge = Linear.merge
    monkeypatch.setattr(Linear, "merge", watched)
    world.do(third, Execution(log_every=1, zero_stage=3), store=stage)
    equal(stage, plain, third.id)
    assert len(merged) >= 2 * 2 * 4  # two phases, two blocks, four matrices of attention at the least
    assert all(hasattr(weight, "ds_id") for weight in merged)


@pytest.mark.parametrize("lora", [True, False])
def test_answers_by_likelihood_are_learnt_the_same_by_two_workers(tmp_path, lora):
    """A head that reads the output embeddings, which nobody holds whole."""
    world = DecoderWorld(tmp_path / "world")
    recipe = likelihood_training(world, **FEW, **DROPOUT)
    recipe = by_lora(recipe) if lora else recipe
    plain, stage, two = (copy_of(world, tmp_path, name) for name in ("plain", "stage", "two"))
    world.do(recipe, Execution(log_every=1, zero_stage=0), store=plain)
    world.do(recipe, Execution(log_every=1, zero_stage=3, micro_batch_tokens=300), store=stage)
    by_two_workers(recipe, two, tmp_path, 3)
    expected = losses(plain, recipe.id)
    assert len(set(expected)) == len(expected) > 1
    for store in (stage, two):
        assert losses(store, recipe.id) == pytest.approx(expected, abs=2e-5)
        assert store.record(recipe.id)["result"]["dev"] == plain.record(recipe.id)["result"]["dev"]


def test_several_tasks_share_the_adapters(world, tmp_path, host):
    """In any execution, over a stop too; each task has a head of its own."""
    recipe = by_lora(world.together("gen-nli", "gen-tags", beside=("gen-text",), **DROPOUT))
    plain, other, cut = (copy_of(world, tmp_path, name) for name in ("plain", "other", "cut"))
    world.do(recipe, Execution(log_every=1, zero_stage=0), store=plain)
    world.do(recipe, Execution(log_every=1, zero_stage=3, micro_batch_tokens=200), store=other)
    equal(other, plain, recipe.id)
    execution = Execution(log_every=1, zero_stage=0)
    assert carry_out(recipe, execution, cut, host(stop_after=5)) is False
    assert carry_out(recipe, execution, cut, host()) is True
    equal(cut, plain, recipe.id)
    assert [one["head"] for one in plain.record(recipe.id)["result"]["tasks"]] == ["gen-nli", "gen-tags", "gen-text"]


def test_what_collapsed_begins_anew_with_adapters_of_another_seed(world, tmp_path):
    """As full training does; and the numbers of the last attempt are those of a run with its seed."""
    nothing = {"learning_rate": 1e-12, "weight_decay": 0.0, "steps": 40, "evaluate_every": 2, "collapse_patience": 2}
    recipe = by_lora(world.train("gen-nli", **nothing, reseed=1))
    store = copy_of(world, tmp_path, "s")
    world.do(recipe, Execution(log_every=1), store=store)
    result = store.record(recipe.id)["result"]
    first, second = result["attempts"]
    assert (first["seed"], second["seed"]) == (1, seed_of(1, 1))
    assert first["collapsed"]["reason"] == second["collapsed"]["reason"] == "at chance"
    alone = by_lora(world.train("gen-nli", **nothing)).model_copy(update={"seed": seed_of(1, 1)})
    world.do(alone, Execution(log_every=1), store=store)
    ours, theirs = (load_file(store.path(step) / FILES[0]) for step in (recipe.id, alone.id))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="there is no C compiler")
@pytest.mark.parametrize("model_type", ["xlm-roberta", "gemma3_text"])
def test_compiled_blocks_have_the_same_losses(tmp_path, model_type):
    world = WorldOf(tmp_path / "world", model_type)
    recipe = by_lora(world.train("gen-nli", **FEW, **DROPOUT))
    compiled = copy_of(world, tmp_path, "compiled")
    world.do(recipe, Execution(log_every=1))
    world.do(recipe, Execution(log_every=1, compile=True), store=compiled)
    assert losses(compiled, recipe.id) == pytest.approx(losses(world.store, recipe.id), abs=1e-4)
