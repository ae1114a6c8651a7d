"""The loop: the same numbers however it is executed, exact reloading, resuming, selection, overfitting."""

from __future__ import annotations

import math

import datasets
import pytest
import torch
from safetensors.torch import load_file

from trainables.data.prepare import load_split
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, RandomInit
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL
from trainables.task_types import get_task_type
from trainables.training.learning_rate import warmup_then_decay

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
        world.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens, compile=True), store=store)
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

    from trainables.models.loading import WrongWeights

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


@pytest.mark.deepspeed
def test_a_state_of_another_zero_stage_is_refused_with_what_to_do(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=12)
    store = copy_of(world, tmp_path, "s")
    carry_out(recipe, Execution(log_every=3, zero_stage=1), store, host(stop_after=1))
    with pytest.raises(RuntimeError, match=r"1 workers under ZeRO stage 1 .* zero_stage: 1, or delete"):
        carry_out(recipe, Execution(zero_stage=2), store, host())


@pytest.mark.deepspeed
def test_a_state_with_other_rows_of_the_vocabulary_is_refused_with_what_to_do(world, tmp_path, host):
    recipe = world.train("gen-nli", steps=12)
    store = copy_of(world, tmp_path, "s")
    carry_out(recipe, Execution(log_every=3), store, host(stop_after=1))
    with pytest.raises(RuntimeError, match=r"where all are trained: .* trim_vocabulary: true, or delete"):
        carry_out(recipe, Execution(trim_vocabulary=False), store, host())


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
