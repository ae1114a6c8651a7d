"""Two workers in plain processes, under torchrun or started one by one: the numbers of one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from tests.trainables.steps.workers import run_workers
from trainables.recipe.execution import Execution
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store


def prepared(world, tmp_path, name):
    shutil.copytree(world.store.root, tmp_path / name)
    return Store(str(tmp_path / name))


def under_torchrun(arguments, log):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    with log.open("a") as out:
        return [subprocess.run([*command, "-m", "trainables", *arguments], stdout=out, stderr=out).returncode]


def one_by_one(arguments, log):
    return run_workers(arguments, 2, log)


@pytest.mark.deepspeed
@pytest.mark.parametrize(
    ("tasks", "stage", "start"),
    [(["gen-nli", "gen-tags"], 3, under_torchrun), (["gen-text"], 2, one_by_one), (["gen-ask"], 1, one_by_one)],
)
def test_two_workers_give_the_numbers_of_one(world, tmp_path, tasks, stage, start):
    dropout = {"dropout": 0.1, "attention_dropout": 0.1}
    recipe = world.together(*tasks, **dropout) if len(tasks) > 1 else world.train(*tasks, **dropout)
    one, two = prepared(world, tmp_path, "one"), prepared(world, tmp_path, "two")
    world.do(recipe, Execution(log_every=1, zero_stage=0, trim_vocabulary=False), store=one)
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    words = [str(file), "--store", two.root, "-x", "workers=2", "-x", f"zero_stage={stage}"]
    codes = start([*words, "-x", "log_every=1", "-x", "micro_batch_tokens=300"], tmp_path / "log")
    assert set(codes) == {0}, (tmp_path / "log").read_text()[-2000:]
    losses = [[loss for _, loss in store.record(recipe.id)["result"]["losses"]] for store in (one, two)]
    assert losses[1] == pytest.approx(losses[0], abs=2e-5)
    for name in (f"{MODEL}/model.safetensors", HEAD):
        a, b = load_file(one.path(recipe.id) / name), load_file(two.path(recipe.id) / name)
        assert a.keys() == b.keys()
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


@pytest.mark.deepspeed
def test_two_workers_agree_on_a_collapse_and_start_again_together(world, tmp_path):
    # Nothing is learnt; and in the other case no output is a number after the first step.
    nothing = {"learning_rate": 1e-12, "weight_decay": 0.0, "collapse_patience": 1}
    wrecking = {"learning_rate": 1e30, "warmup": 0.0, "clip": 1e30}
    for name, settings in (("nothing", nothing), ("wrecking", wrecking)):
        recipe = world.train("gen-tags", steps=16, evaluate_every=4, reseed=1, **settings)
        one, two = prepared(world, tmp_path, f"{name}-one"), prepared(world, tmp_path, f"{name}-two")
        world.do(recipe, Execution(log_every=1), store=one)
        file = tmp_path / "recipe.json"
        file.write_text(json.dumps(recipe.model_dump(mode="json")))
        words = [str(file), "--store", two.root, "-x", "workers=2", "-x", "zero_stage=3", "-x", "log_every=3"]
        codes = one_by_one(words, tmp_path / "log")
        assert codes == [0, 0], (tmp_path / "log").read_text()[-2000:]
        a, b = (store.record(recipe.id)["result"] for store in (one, two))
        ends = [[(x["seed"], x["steps"], x["collapsed"]) for x in result["attempts"]] for result in (a, b)]
        assert ends[0] == ends[1]
        assert len(ends[0]) == 2
        assert a["collapsed"] == b["collapsed"] is not None


@pytest.mark.deepspeed
def test_two_workers_stop_after_the_same_update_where_one_of_them_is_asked_and_one_goes_on(world, tmp_path, host):
    recipe = world.train("gen-tags", steps=100_000, evaluate_every=2)
    store, file = prepared(world, tmp_path, "two"), tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    words = [str(file), "--store", store.root, "-x", "workers=2", "-x", "log_every=1", "-x", "state_every=100000"]
    codes = run_workers(words, 2, tmp_path / "log", stop_at="global_step 2 ")
    assert codes == [1, 1], (tmp_path / "log").read_text()[-2000:]
    assert (tmp_path / "log").read_text().count("was stopped; its training state is saved") == 2
    assert store.check_state(recipe.id) is None
    stopped_at = store.load_state(recipe.id)[0]["step"]
    assert 2 <= stopped_at < 100_000
    # One worker under another ZeRO stage, all of the vocabulary: the numbers of one that was never stopped.
    alone = prepared(world, tmp_path, "one")
    whole = Execution(log_every=1, zero_stage=0, trim_vocabulary=False)
    assert carry_out(recipe, whole, store, host(stop_after=8)) is False
    assert carry_out(recipe, whole, alone, host(stop_after=stopped_at + 8)) is False
    ours, theirs = (one.load_state(recipe.id)[0]["progress"] for one in (store, alone))
    assert ours["step"] == theirs["step"] == stopped_at + 8
    assert [loss for _, loss in ours["losses"]] == pytest.approx([loss for _, loss in theirs["losses"]], abs=5e-5)
    assert [(one["workers"], one["zero_stage"], one["to"]) for one in ours["layouts"]] == [
        (2, 2, stopped_at),
        (1, 0, stopped_at + 8),
    ]


@pytest.mark.deepspeed
def test_two_workers_go_on_from_what_one_has_saved(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=8, evaluate_every=4, weight_decay=0.1, dropout=0.1, attention_dropout=0.1)
    whole, cut, file = prepared(world, tmp_path, "whole"), prepared(world, tmp_path, "cut"), tmp_path / "recipe.json"
    plain = Execution(log_every=2, zero_stage=0, trim_vocabulary=False)
    world.do(recipe, plain, store=whole)
    assert carry_out(recipe, plain, cut, host(stop_after=3)) is False
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    words = [str(file), "--store", cut.root, "-x", "workers=2", "-x", "zero_stage=3", "-x", "log_every=2"]
    codes = run_workers([*words, "-x", "micro_batch_tokens=300", "-x", "state_every=2"], 2, tmp_path / "log")
    assert codes == [0, 0], (tmp_path / "log").read_text()[-2000:]
    ours, theirs = (dict(store.record(recipe.id)["result"]["losses"]) for store in (cut, whole))
    assert ours == pytest.approx(theirs, abs=2e-5)
    for name in (f"{MODEL}/model.safetensors", HEAD):
        a, b = (load_file(store.path(recipe.id) / name) for store in (whole, cut))
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


def test_a_recipe_whose_needs_are_not_done_is_refused(world, tmp_path):
    recipe = world.train("gen-nli")
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    command = [sys.executable, "-m", "trainables", str(file), "--store", str(tmp_path / "empty")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"needs {recipe.data_steps[0]}" in done.stderr
    file.write_text("{}")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
