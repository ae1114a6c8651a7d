"""What makes room for large models: weights read part by part, state outside of the GPU, blocks that are recomputed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.trainables.steps.workers import run_workers
from tests.trainables.training.test_loop import copy_of, losses, weights
from trainables.models.unreadable import WrongWeights
from trainables.recipe.adaptation import Adaptation, Lora
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.steps.run import carry_out
from trainables.store import MODEL

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
CPU = {"optimizer": "cpu"}
ALL = {"optimizer": "cpu", "parameters": "cpu"}
MATRIX = [
    {"checkpoint_activations": True},
    {"checkpoint_activations": True, "zero_stage": 2, "micro_batch_tokens": 200},
    {"checkpoint_activations": True, "zero_stage": 3, "micro_batch_tokens": 100},
    {"offload": CPU, "zero_stage": 1},
    {"offload": CPU, "zero_stage": 2, "micro_batch_tokens": 200},
    {"offload": CPU, "zero_stage": 3, "micro_batch_tokens": 200},
    {"offload": ALL, "checkpoint_activations": True},
]


@pytest.mark.deepspeed
def test_what_makes_room_leaves_the_numbers_as_they_are(world, tmp_path):
    """From a checkpoint, whose weights are read part by part under stage 3."""
    first = world.train("gen-tags")
    world.do(first)
    recipe = world.train("gen-nli", start=CheckpointRef(step=first.id), steps=4, weight_decay=0.1, **DROPOUT)
    plain = copy_of(world, tmp_path, "plain")
    world.do(recipe, Execution(log_every=1, zero_stage=0), store=plain)
    for i, fields in enumerate(MATRIX):
        store = copy_of(world, tmp_path, str(i))
        world.do(recipe, Execution(log_every=1, **fields), store=store)
        assert losses(store, recipe.id) == pytest.approx(losses(plain, recipe.id), abs=2e-5), fields
        a, b = weights(plain, recipe.id), weights(store, recipe.id)
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4, fields
        if fields == {"checkpoint_activations": True}:
            assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.deepspeed
@pytest.mark.parametrize("offload", [CPU, ALL])
def test_a_state_is_written_and_gone_on_from_with_what_is_offloaded(world, tmp_path, host, offload):
    recipe = world.train("gen-nli", steps=9, evaluate_every=4, weight_decay=0.1, **DROPOUT)
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    execution = Execution(log_every=3, offload=offload)
    world.do(recipe, execution, store=whole)
    assert carry_out(recipe, execution, cut, host(stop_after=5)) is False
    assert carry_out(recipe, execution, cut, host()) is True
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)
    # Under another layout, and back.
    other = copy_of(world, tmp_path, "other")
    for stopped in (execution, Execution(log_every=3, zero_stage=0), execution):
        assert carry_out(recipe, stopped, other, host(stop_after=2)) is False
    assert carry_out(recipe, Execution(log_every=3, zero_stage=2), other, host()) is True
    assert losses(other, recipe.id) == pytest.approx(losses(whole, recipe.id), abs=2e-5)


@pytest.mark.deepspeed
def test_adapters_on_frozen_matrices_in_bf16_are_the_same_in_any_execution(world, tmp_path):
    first = world.train("gen-tags")
    world.do(first)
    recipe = world.train("gen-nli", start=CheckpointRef(step=first.id), steps=4, precision="bf16", **DROPOUT)
    lora = Lora(rank=4, alpha=8, dropout=0.1, targets="all-linear")
    recipe = recipe.model_copy(update={"adaptation": Adaptation(lora=lora)})
    found = []
    for i, fields in enumerate(
        ({}, {"zero_stage": 2}, {"zero_stage": 3, "checkpoint_activations": True}, {"offload": ALL})
    ):
        store = copy_of(world, tmp_path, str(i))
        world.do(recipe, Execution(log_every=1, **fields), store=store)
        found.append(losses(store, recipe.id))
        assert store.record(recipe.id)["result"]["adaptation"]["frozen"] > 10_000
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=2e-3)


@pytest.mark.deepspeed
def test_two_workers_read_the_weights_part_by_part_and_have_the_numbers_of_one(world, tmp_path):
    first = world.train("gen-tags")
    world.do(first)
    recipe = world.train("gen-nli", start=CheckpointRef(step=first.id), steps=3, evaluate_every=3, **DROPOUT)
    one, two = copy_of(world, tmp_path, "one"), copy_of(world, tmp_path, "two")
    world.do(recipe, Execution(log_every=1, zero_stage=0), store=one)
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    fields = {"workers": 2, "log_every": 1, "zero_stage": 3, "checkpoint_activations": True, "offload": CPU}
    (tmp_path / "recipe.execution.json").write_text(json.dumps(fields))
    log = tmp_path / "log"
    assert run_workers([str(tmp_path / "recipe.json"), "--store", two.root], 2, log) == [0, 0], log.read_text()
    assert losses(two, recipe.id) == pytest.approx(losses(one, recipe.id), abs=2e-5)
    a, b = weights(one, recipe.id), weights(two, recipe.id)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


@pytest.mark.deepspeed
def test_a_weight_that_is_missing_or_of_another_shape_is_refused_where_weights_are_divided(world, tmp_path, host):
    first = world.train("gen-tags")
    world.do(first)
    recipe = world.train("gen-nli", start=CheckpointRef(step=first.id), steps=1, evaluate_every=1)
    key = "encoder.layer.1.output.dense.weight"
    says = {"missing": r"layer\.1\.output\.dense\.weight", "another shape": "its weights cannot be loaded"}
    for name, change in {"missing": {}, "another shape": {key: torch.zeros(3, 5)}}.items():
        store = copy_of(world, tmp_path, name)
        file = store.path(first.id) / MODEL / "model.safetensors"
        kept = {other: weight for other, weight in load_file(file).items() if other != key}
        save_file({**kept, **change}, file, metadata={"format": "pt"})
        with pytest.raises(WrongWeights, match=says[name]) as error:
            carry_out(recipe, Execution(zero_stage=3), store, host())
        assert len(str(error.value)) <= 300
        assert "\n" not in str(error.value)


LOADED = """
import json, os, sys
import torch
import torch.distributed as dist
from contextlib import nullcontext
from torch.testing._internal.distributed.fake_pg import FakeStore
from tests.benchmarks.memory import peaks
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.store import Store
from trainables.training.partition import partitioned

path, rank, divided = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "divided"
os.environ.update(RANK=str(rank), LOCAL_RANK="0", WORLD_SIZE="4")
dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=4)
execution = Execution(workers=4, zero_stage=3, model_paths={"0" * 64: path})
with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
    with torch.profiler.record_function("case: load"):
        with partitioned(execution) if divided else nullcontext():
            backbone = load_backbone(LocalModel(sha256="0" * 64), Store(path), execution)
sizes = [getattr(weight, "ds_numel", weight.numel()) for weight in backbone.model.parameters()]
print(json.dumps({"peak": peaks(profile)["load"]["peak"], "whole": 4 * sum(sizes), "largest": 4 * max(sizes)}))
os._exit(0)
"""


@pytest.mark.deepspeed
@pytest.mark.parametrize("rank", [0, 1])
def test_no_worker_ever_holds_all_weights(world, tmp_path, rank):
    """Counted are the bytes that torch allocates; the files, in bf16 as most are, are mapped into memory."""
    from trainables.models.loading import load_backbone, load_tokenizer

    wide = world.scratch(hidden_size=256, intermediate_size=1024, num_hidden_layers=6)
    load_backbone(wide, world.store, Execution()).model.bfloat16().save_pretrained(tmp_path)
    load_tokenizer(wide, world.store, Execution()).save_pretrained(tmp_path)

    def loaded(how):
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "HF_DEACTIVATE_ASYNC_LOAD": "1"}
        words = [sys.executable, "-c", LOADED, str(tmp_path), str(rank), how]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=env)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    divided = loaded("divided")
    assert divided["peak"] < divided["whole"] / 4 + 3 * divided["largest"]
    assert divided["peak"] < 0.6 * divided["whole"]
    assert loaded("whole")["peak"] >= 0.9 * divided["whole"]
