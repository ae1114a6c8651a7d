"""The loop: the same numbers however it is executed, exact reloading, resuming, selection, overfitting."""

from __future__ import annotations

import errno
import math
import os
import threading

import datasets
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import RecordingHost
from trainables.data.prepare import load_split
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, RandomInit
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store, StoreError
from trainables.store.folders import FolderFiles
from trainables.task_types import get_task_type
from trainables.training.learning_rate import warmup_then_decay
from trainables.training.state_files import WrongState

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}


def weights(store, step):
    path = store.path(step)
    return {**load_file(path / MODEL / "model.safetensors"), **load_file(path / HEAD)}


def losses(store, step):
    return [loss for _, loss in store.record(step)["result"]["losses"]]


def copy_of(world, tmp_path, name):
    """A store beside the world's, with the same prepared data."""
    import shutil

    from trainables.store import Store

    shutil.copytree(world.store.root, tmp_path / name)
    return Store(str(tmp_path / name))


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-text"])
def test_the_same_recipe_twice_is_equal_to_the_last_bit(world, tmp_path, task):
    recipe = world.train(task, **DROPOUT)
    first, second = copy_of(world, tmp_path, "a"), copy_of(world, tmp_path, "b")
    world.do(recipe, store=first)
    world.do(recipe, store=second)
    assert losses(first, recipe.id) == losses(second, recipe.id)
    a, b = weights(first, recipe.id), weights(second, recipe.id)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-text", "gen-tags", "gen-choice"])
def test_zero_stage_micro_batch_and_trimming_leave_the_numbers_as_they_are(world, tmp_path, task):
    recipe = world.train(task, weight_decay=0.1, **DROPOUT)
    plain = copy_of(world, tmp_path, "plain")
    untrimmed = Execution(log_every=1, zero_stage=0, micro_batch_tokens=100_000, trim_vocabulary=False)
    world.do(recipe, untrimmed, store=plain)
    assert plain.record(recipe.id)["result"]["vocabulary"] is None
    for stage, tokens in ((0, 100), (1, 100_000), (2, 200), (3, 100)):
        store = copy_of(world, tmp_path, f"zero-{stage}-{tokens}")
        world.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        assert losses(store, recipe.id) == pytest.approx(losses(plain, recipe.id), abs=2e-5)
        a, b = weights(plain, recipe.id), weights(store, recipe.id)
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4
        trimmed = store.record(recipe.id)["result"]["vocabulary"]
        if task == "gen-text":  # its loss is over the whole vocabulary
            assert trimmed is None
            continue
        assert trimmed["trained"] < trimmed["rows"]
        table = "embeddings.word_embeddings.weight"
        before = load_backbone(recipe.start, plain, Execution()).model.state_dict()[table]
        rate, steps, best = 2e-3, recipe.optimisation.steps, plain.record(recipe.id)["result"]["best"]["step"]
        decay = math.prod(1 - rate * warmup_then_decay(step, steps, 0.1) * 0.1 for step in range(best))
        alone = (b[table] - before * decay).abs().amax(1) < 1e-7  # what weight decay alone has moved
        assert int(alone.sum()) >= trimmed["rows"] - trimmed["trained"]


@pytest.mark.deepspeed
def test_a_second_phase_starts_from_exactly_the_first_ones_backbone(world, tmp_path):
    store = copy_of(world, tmp_path, "s")
    first = world.train("gen-nli")
    world.do(first, store=store)
    written = load_file(store.path(first.id) / MODEL / "model.safetensors")
    backbone = load_backbone(CheckpointRef(step=first.id), store, Execution())
    loaded = backbone.model.state_dict()
    assert written.keys() == loaded.keys()
    assert all(torch.equal(written[key], loaded[key]) for key in written)
    # A second phase at a vanishing rate ends where it began, under another task's head.
    second = world.train("gen-tags", start=CheckpointRef(step=first.id), learning_rate=1e-12, weight_decay=0.0)
    world.do(second, store=store)
    ended = load_file(store.path(second.id) / MODEL / "model.safetensors")
    assert all(torch.allclose(ended[key], written[key], atol=1e-6) for key in written)
    assert load_file(store.path(second.id) / HEAD)["gen-tags.out.weight"].shape[0] == len(second.tasks[0].task.labels)


@pytest.mark.deepspeed
def test_a_backbone_with_a_weight_missing_is_refused(world, tmp_path):
    from safetensors.torch import save_file

    from trainables.models.unreadable import WrongWeights

    store = copy_of(world, tmp_path, "s")
    first = world.train("gen-nli")
    world.do(first, store=store)
    file = store.path(first.id) / MODEL / "model.safetensors"
    kept = {key: value for key, value in load_file(file).items() if "layer.1.output.dense.weight" not in key}
    save_file(kept, file, metadata={"format": "pt"})
    with pytest.raises(WrongWeights, match=r"layer\.1\.output\.dense\.weight"):
        load_backbone(CheckpointRef(step=first.id), store, Execution())


@pytest.mark.deepspeed
def test_stopping_and_going_on_is_equal_to_not_stopping(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=12, evaluate_every=4, **DROPOUT)
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    execution = Execution(log_every=3)
    world.do(recipe, execution, store=whole)
    assert carry_out(recipe, execution, cut, host(stop_after=7)) is False
    assert not cut.done(recipe.id)
    assert cut.load_state(recipe.id)[0]["step"] == 7  # after the update in hand, between two points of the loss curve
    assert carry_out(recipe, execution, cut, host()) is True
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert cut.load_state(recipe.id) is None


def layout(stage, trimmed=True):
    return Execution(log_every=3, state_every=4, zero_stage=stage, trim_vocabulary=trimmed)


@pytest.mark.deepspeed
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_going_on_under_the_same_layout_is_equal_to_the_last_bit(world, tmp_path, host, stage):
    recipe = world.train("gen-nli", steps=9, evaluate_every=4, weight_decay=0.1, **DROPOUT)
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    world.do(recipe, layout(stage), store=whole)
    for stop_after in (5, 2):  # and once more from a state that has itself been gone on from
        assert carry_out(recipe, layout(stage), cut, host(stop_after=stop_after)) is False
    assert carry_out(recipe, layout(stage), cut, host()) is True
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert cut.record(recipe.id)["result"]["layouts"] == whole.record(recipe.id)["result"]["layouts"]


@pytest.mark.deepspeed
@pytest.mark.parametrize(
    "layouts",
    [
        [(0, True), (1, True), (2, True), (3, True), (0, True)],
        [(3, False), (2, True), (0, False), (3, True), (1, False)],
    ],
)
def test_a_state_is_gone_on_from_under_any_zero_stage_and_any_trimming(world, tmp_path, host, layouts):
    recipe = world.train("gen-nli", steps=10, evaluate_every=5, weight_decay=0.1, **DROPOUT)
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    world.do(recipe, layout(0, False), store=whole)
    *stopped, last = layouts
    for one in stopped:
        assert carry_out(recipe, layout(*one), cut, host(stop_after=2)) is False
    assert carry_out(recipe, layout(*last), cut, host()) is True
    assert losses(cut, recipe.id) == pytest.approx(losses(whole, recipe.id), abs=2e-5)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4
    found = cut.record(recipe.id)["result"]["layouts"]
    assert [(one["from"], one["to"]) for one in found] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert [(one["zero_stage"], one["subwords"] is not None) for one in found] == layouts
    assert {one["workers"] for one in found} == {1}


@pytest.mark.deepspeed
def test_a_state_that_cannot_be_read_is_refused_with_what_to_do(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=12)
    store = copy_of(world, tmp_path, "s")
    carry_out(recipe, Execution(), store, host(stop_after=2))
    shard = store.state_scratch(recipe.id) / "step-2" / "worker-0.safetensors"
    data = shard.read_bytes()
    for damaged in (
        b"\xff" * 8 + data[8:],
        data.replace(b'"starts"', b'"st\xffrts"', 1),
        data.replace(b"starts", b"stirts", 1),
    ):
        shard.write_bytes(damaged)
        with pytest.raises(WrongState, match=r"worker-0.safetensors: not readable .*; delete .*states.*again$"):
            carry_out(recipe, Execution(), store, host())
    folder = store.state_scratch(recipe.id) / "step-5"
    folder.mkdir()
    (folder / "zero_pp_rank_0_mp_rank_00_optim_states.pt").write_bytes(b"shard")
    store.complete_state(recipe.id, "step-5", {"step": 5, "workers": 1, "zero_stage": 0})
    with pytest.raises(WrongState, match=r"step-5: a training state of an earlier version.*; delete .*states.*again$"):
        carry_out(recipe, Execution(), store, host())


@pytest.mark.deepspeed
def test_a_stop_between_micro_batches_or_batches_of_an_evaluation_leaves_no_trace(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=6, evaluate_every=3, **DROPOUT)
    execution = Execution(log_every=3, micro_batch_tokens=100)
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    undisturbed = host()
    world.do(recipe, execution, store=whole, host=undisturbed)
    steps, attempts = [], 0
    while not carry_out(recipe, execution, cut, host(stop_after=3 + attempts)):
        attempts += 1
        state = cut.load_state(recipe.id)
        steps.append((state[0]["step"], len(state[0]["progress"]["dev"])) if state is not None else (0, 0))
    assert steps[0] == (0, 0)  # in the first update, which was then not taken
    # And in an evaluation, which was then not booked.
    assert any(step % 3 == 0 and evaluations < step // 3 for step, evaluations in steps)
    assert undisturbed.asked > 3 * recipe.optimisation.steps
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    ours, theirs = (one.record(recipe.id)["result"] for one in (cut, whole))
    assert (ours["dev"], ours["tokens"]) == (theirs["dev"], theirs["tokens"])
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)


class HeldFiles(FolderFiles):
    """A folder in which a state is not on disk before `go_on` is set, or never, if it is `full`."""

    full = False

    def __init__(self, plain):
        vars(self).update(vars(plain))
        self.go_on, self.synced = threading.Event(), 0

    def sync(self, path):
        if "/states/" in path:
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            assert self.go_on.wait(120)
            self.synced += 1
        super().sync(path)


@pytest.mark.deepspeed
def test_training_goes_on_while_a_state_is_written_and_the_next_one_and_a_stop_wait_for_it(world, tmp_path):
    recipe = world.train("gen-nli", steps=12, evaluate_every=12)
    store = Store(copy_of(world, tmp_path, "s").root, files=HeldFiles)
    seen = []

    class Host(RecordingHost):
        def should_stop(self):
            seen.append((store.files.synced, store.paused(recipe.id)))
            if len(seen) == 6:
                store.files.go_on.set()
            return super().should_stop()

    assert carry_out(recipe, Execution(state_every=4), store, Host(stop_after=9)) is False
    # The state of update 4 holds nothing up until that of 8 is due, which waits for it; the stop after 9 for both.
    assert seen[:6] == [(0, False)] * 6
    assert seen[8][0] >= 1
    assert store.files.synced == 3
    assert store.load_state(recipe.id)[0]["step"] == 9


@pytest.mark.deepspeed
def test_a_state_that_cannot_be_written_fails_the_training_with_the_message_of_the_store(world, tmp_path, monkeypatch):
    monkeypatch.setattr(HeldFiles, "full", True)
    recipe = world.train("gen-nli", steps=12, evaluate_every=12)
    store = Store(copy_of(world, tmp_path, "s").root, files=HeldFiles)
    with pytest.raises(StoreError, match="the disk is full"):
        carry_out(recipe, Execution(state_every=2), store, RecordingHost())
    assert not store.paused(recipe.id)
    assert not store.done(recipe.id)


@pytest.mark.deepspeed
def test_the_best_checkpoint_is_kept_and_patience_ends_training(world, tmp_path, host):
    # A rate that wrecks the model: whatever comes after the best evaluation is worse or equal.
    recipe = world.train("gen-nli", steps=60, evaluate_every=2, patience=3, learning_rate=0.5, warmup=0.0)
    store = copy_of(world, tmp_path, "s")
    reports = host()
    world.do(recipe, store=store, host=reports)
    result = store.record(recipe.id)["result"]
    values = [point["accuracy"] for point in result["dev"]]
    assert result["stopped_early"]
    assert result["steps"] < 60
    assert result["best"]["accuracy"] == max(values)
    assert result["best"]["step"] == result["dev"][values.index(max(values))]["step"]
    assert len(values) - 1 - values.index(max(values)) == 3
    assert [report.global_step for report in reports.reports] == [point["step"] for point in result["dev"]]


@pytest.mark.deepspeed
@pytest.mark.parametrize(
    ("task", "metric", "steps"),
    [
        ("gen-nli", "accuracy", 60),
        ("gen-tags", "f1", 120),
        ("gen-qa", "f1", 120),
        ("gen-choice", "accuracy", 80),
        ("gen-ask", "map@20", 60),
    ],
)
def test_each_family_overfits_a_tiny_set(world, tmp_path, task, metric, steps):
    recipe = world.train(task, limit=8, steps=steps, batch_size=8, evaluate_every=steps, dropout=0.0)
    recipe = with_dev_as_train(world, recipe)
    store = copy_of(world, tmp_path, "s")
    world.do(recipe, store=store)
    assert store.record(recipe.id)["result"]["best"][metric] > 99


@pytest.mark.deepspeed
def test_span_or_none_learns_when_there_is_no_answer(world, tmp_path):
    task = world.spec("gen-qa").model_copy(update={"type": "span-or-none"})
    recipe = world.train("gen-qa", limit=8, steps=150, batch_size=8, evaluate_every=150, dropout=0.0)
    store = copy_of(world, tmp_path, "s")
    data = recipe.data_steps[0]
    features, examples = load_split(store, data, "train-one")
    # Every second question has lost its answer.
    rows = examples.to_list()
    for row in rows[::2]:
        row["answers"] = {"text": [], "answer_start": []}
    examples = datasets.Dataset.from_list(rows, features=examples.features)
    encoder = load_input_encoder(recipe.start, store, Execution())
    features = datasets.Dataset.from_list(get_task_type("span-or-none").modeling().encode(examples, encoder, task, 64))
    made = store.begin("some-unanswered")
    for split in ("train", "dev"):
        features.save_to_disk(made / f"{split}-one" / "features")
        examples.save_to_disk(made / f"{split}-one" / "examples")
    store.commit("some-unanswered", made, store.record(data))
    part = recipe.tasks[0].model_copy(update={"task": task, "data": ("some-unanswered",)})
    recipe = recipe.model_copy(update={"tasks": (part,)})
    world.do(recipe, store=store)
    best = store.record(recipe.id)["result"]["best"]
    assert min(best[name] for name in ("f1", "exact_match", "has_answer_f1", "no_answer_accuracy")) > 99


@pytest.mark.deepspeed
def test_masked_lm_learns_a_tiny_text(world, tmp_path):
    recipe = world.train("gen-text", limit=8, steps=150, batch_size=8, evaluate_every=150, dropout=0.0)
    store = copy_of(world, tmp_path, "s")
    world.do(recipe, store=store)
    curve = losses(store, recipe.id)
    assert sum(curve[-4:]) / 4 < 0.6 * curve[0]


def with_dev_as_train(world, recipe):
    """The same recipe over data whose dev rows are its training rows."""
    store = world.store
    record = store.record(recipe.data_steps[0])
    name = f"{recipe.data_steps[0]}-overfit"
    if not store.done(name):
        made = store.begin(name)
        for split in ("train", "dev"):
            for part in ("features", "examples"):
                source = store.path(recipe.data_steps[0]) / "train-one" / part
                datasets.load_from_disk(str(source)).save_to_disk(made / f"{split}-one" / part)
        store.commit(name, made, record)
    part = recipe.tasks[0].model_copy(update={"data": (name,)})
    return recipe.model_copy(update={"tasks": (part,)})


def test_learning_rate_rises_and_falls_linearly():
    factors = [warmup_then_decay(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == sorted(factors[:10])
    assert max(factors) == factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] == pytest.approx(1 / 90)
    assert warmup_then_decay(0, 10, 0.0) == 1.0


def test_scratch_weights_depend_on_the_seed_alone(world):
    origin = world.scratch()
    torch.manual_seed(5)
    first = load_backbone(origin, world.store, Execution()).model.state_dict()
    torch.manual_seed(6)
    second = load_backbone(origin, world.store, Execution()).model.state_dict()
    other = load_backbone(RandomInit(**{**origin.model_dump(), "seed": 2}), world.store, Execution()).model.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
