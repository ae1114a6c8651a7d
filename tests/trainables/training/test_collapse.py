"""Collapse and plateau: what has learnt nothing is stopped and marked, what is merely weak goes on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trainables.metrics.collapse_detection import MARGIN, ChanceLevel
from trainables.models.loading import load_backbone
from trainables.models.task_model import new_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store
from trainables.task_types import all_task_types
from trainables.task_types.modeling import TaskModeling
from trainables.training.state import TrainerState, seed_of
from trainables.training.task_data import new_heads

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
NOTHING = {"learning_rate": 1e-12, "weight_decay": 0.0}
"""A rate at which nothing is learnt."""
WRECKING = {"learning_rate": 1e30, "warmup": 0.0, "clip": 1e30}
"""A rate after whose first step no output is a number."""


@pytest.fixture
def store(world, tmp_path):
    """Makes stores beside the world's, with the same prepared data."""
    import shutil

    def make(name="s"):
        shutil.copytree(world.store.root, tmp_path / name)
        return Store(str(tmp_path / name))

    return make


def result_of(store, recipe):
    return store.record(recipe.id)["result"]


def weights(store, step):
    return {**load_file(store.path(step) / MODEL / "model.safetensors"), **load_file(store.path(step) / HEAD)}


# --- chance --------------------------------------------------------------------------------------------------


def test_chance_is_the_most_frequent_label_and_the_entropy_of_labels():
    chance = ChanceLevel.of_labels([0] * 50 + [1] * 50, [0] * 30 + [1] * 70)
    assert chance == ChanceLevel(0.7, 100, pytest.approx(math.log(2)))
    # Two standard errors of 100 rows at 0.7 are 9.2 points.
    assert chance.at_chance(79.0, math.log(2))
    assert not chance.at_chance(80.0, math.log(2))
    assert chance.at_chance(20.0, 5.0)


def test_a_loss_below_the_entropy_is_learning_whatever_few_dev_rows_say():
    chance = ChanceLevel.of_labels([0, 1, 2] * 100, [0, 1, 2])
    assert chance.at_chance(66.7, math.log(3))  # of three rows two right may be luck
    assert chance.at_chance(66.7, math.log(3) * (1 - MARGIN / 2))
    assert not chance.at_chance(33.3, math.log(3) * (1 - 2 * MARGIN))


def test_a_loss_falls_where_the_difference_is_more_than_the_margin():
    chance = ChanceLevel.of_labels([0, 1, 2], [0, 1, 2])
    assert chance.loss_decreased(2.0, 1.99)
    assert not chance.loss_decreased(2.0, 1.999)
    assert not chance.loss_decreased(2.0, 2.1)


def test_of_one_label_nothing_can_be_told():
    assert ChanceLevel.of_labels([1, 1, 1], [1, 1]) is None
    assert ChanceLevel.of_labels([0, 1], [1, 1]) is None


def test_chance_among_choices_follows_their_number():
    chance = ChanceLevel.of_choices([2, 4], [2, 4, 4, 2], [0, 1, 2, 3])
    assert chance.accuracy == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert chance.entropy == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_a_model_that_knows_only_the_frequencies_is_at_chance_and_one_that_knows_more_is_not():
    rng = np.random.default_rng(1)
    shares = np.array([0.6, 0.3, 0.1])
    train, dev = (rng.choice(3, size=size, p=shares) for size in (4000, 500))
    chance = ChanceLevel.of_labels(train, dev)
    prior = -np.log(np.bincount(train) / len(train))[train].mean()
    assert chance.at_chance(100 * (dev == 0).mean(), prior)
    # It tells the third label from the others half of the time.
    knows = (train == 2) & (rng.random(len(train)) < 0.5)
    assert not chance.at_chance(100 * (dev == 0).mean(), np.where(knows, 0.1, -np.log(shares)[train]).mean())


def test_the_families_that_can_tell_are_those_that_are_said_to():
    can = {one.name for one in all_task_types() if type(one.modeling()).chance is not TaskModeling.chance}
    assert can == {one.name for one in all_task_types() if one.knows_chance}


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-choice", "gen-tags"])
def test_a_run_that_learns_nothing_is_stopped_and_marked(world, store, task):
    recipe = world.train(task, steps=40, evaluate_every=2, collapse_patience=2, **NOTHING)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    # The first tenth, four steps, does not count, and a loss is that since the evaluation before, and is compared with
    # the one before that. Over 32 rows it varies, which may put off the end.
    step = result["steps"]
    assert 8 <= step < 40
    assert result["collapsed"] == {"reason": "at chance", "step": step}
    assert (result["steps_planned"], result["stopped_early"]) == (40, True)
    assert result["attempts"] == [
        {"seed": 1, "steps": step, "collapsed": result["collapsed"], "dev": result["dev"]},
    ]
    assert (place.path(recipe.id) / MODEL / "model.safetensors").exists()


@pytest.mark.deepspeed
def test_without_patience_it_goes_on_and_is_marked_at_its_end(world, store):
    recipe = world.train("gen-nli", **NOTHING)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    assert result["collapsed"] == {"reason": "at chance", "step": 6}
    assert not result["stopped_early"]


@pytest.mark.deepspeed
@pytest.mark.parametrize(
    ("task", "settings"),
    [
        # The loss falls from far above the entropy, and the dev score rises to that of the most frequent tag.
        ("gen-tags", {"learning_rate": 2e-4, "batch_size": 4, "steps": 60, "evaluate_every": 3}),
        # Three evaluations near chance, then it takes off.
        ("gen-choice", {"learning_rate": 1e-3, "steps": 120, "evaluate_every": 10, "collapse_patience": 3}),
        # Of eight rows, the dev rows too, it learns some, and scores no better than chance to the end.
        ("gen-nli", {"learning_rate": 1e-3, "steps": 60, "batch_size": 8, "limit": 8, "evaluate_every": 6}),
    ],
)
def test_a_run_that_is_weak_but_learns_is_not_stopped(world, store, task, settings):
    recipe = world.train(task, **{"dropout": 0, "collapse_patience": 2, **settings})
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    assert result["steps"] == settings["steps"]
    assert result["collapsed"] is None


# --- no number -----------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
@pytest.mark.parametrize("log_every", [1, 4])
def test_a_loss_that_is_no_number_ends_the_run_with_what_it_began_with(world, store, log_every):
    recipe = world.train("gen-nli", steps=12, evaluate_every=12, **WRECKING)
    place = store()
    world.do(recipe, Execution(log_every=log_every), store=place)
    result = result_of(place, recipe)
    assert result["collapsed"] == {"reason": "its loss is no number", "step": 2}
    assert (result["steps"], result["best"], result["dev"]) == (2, None, [])
    assert all(math.isfinite(loss) for _, loss in result["losses"])
    backbone = load_backbone(recipe.start, place, Execution())
    heads = new_heads(recipe.tasks, recipe.optimisation.dropout)
    untrained = new_task_model(backbone, heads, recipe.optimisation, recipe.seed)
    written = weights(place, recipe.id)
    for name, weight in untrained.named_parameters():
        assert torch.equal(written[name.partition(".")[2]], weight)
    # Whoever evaluates it gets an honest number.
    evaluation = world.evaluation("gen-nli", CheckpointRef(step=recipe.id), "one", "zero")
    copied = world.evaluation("gen-nli", CheckpointRef(step=recipe.id), "one", "zero").data
    if not place.done(copied):
        world.do(read(world, copied), store=place)
    world.do(evaluation, store=place)
    scores = place.record(evaluation.id)["result"]["metrics"]
    assert all(0 <= one["accuracy"] <= 100 for one in scores.values())


def read(world, step):
    from trainables.steps import read_recipe

    return read_recipe(world.store.record(step)["recipe"])


@pytest.mark.deepspeed
def test_a_model_whose_dev_outputs_are_no_numbers_is_not_kept(world, store):
    # After one step its weights are numbers still, after the next the loss is none.
    recipe = world.train("gen-nli", steps=12, evaluate_every=1, **WRECKING)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    assert result["collapsed"] == {"reason": "its loss is no number", "step": 1}
    assert result["best"] is None
    assert all(torch.isfinite(weight).all() for weight in weights(place, recipe.id).values())


# --- again ---------------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
def test_a_collapsed_run_is_started_again_and_every_attempt_is_recorded(world, store):
    recipe = world.train("gen-tags", steps=40, evaluate_every=2, collapse_patience=2, reseed=2, **NOTHING)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    seeds = [attempt["seed"] for attempt in result["attempts"]]
    assert seeds == [1, seed_of(1, 1), seed_of(1, 2)]
    assert len(set(seeds)) == 3
    assert {attempt["collapsed"]["reason"] for attempt in result["attempts"]} == {"at chance"}
    # Another seed is another head and another order.
    assert len({attempt["dev"][0]["accuracy"] for attempt in result["attempts"]}) > 1
    assert result["dev"] == result["attempts"][-1]["dev"]
    assert result["collapsed"] == result["attempts"][-1]["collapsed"]


@pytest.mark.deepspeed
def test_a_run_that_does_not_collapse_is_not_started_again(world, store):
    recipe = world.train("gen-tags", steps=30, evaluate_every=10, collapse_patience=1, reseed=2)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    assert [attempt["seed"] for attempt in result["attempts"]] == [1]
    assert result["collapsed"] is None


@pytest.mark.deepspeed
@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_going_on_within_any_attempt_is_equal_to_not_stopping(world, store, host, attempt):
    recipe = world.train("gen-nli", steps=24, evaluate_every=4, collapse_patience=2, reseed=2, **NOTHING, **DROPOUT)
    whole, cut = store("whole"), store("cut")
    execution = Execution(log_every=2)
    world.do(recipe, execution, store=whole)
    attempts = result_of(whole, recipe)["attempts"]
    assert len(attempts) == 3
    asked_before = sum(one["steps"] - 1 for one in attempts[:attempt])  # after the last update nothing is left to stop
    assert carry_out(recipe, execution, cut, host(stop_after=asked_before + 5)) is False
    note, _ = cut.load_state(recipe.id)
    assert (note["attempt"], note["step"]) == (attempt, 5)
    assert carry_out(recipe, execution, cut, host()) is True
    strip = {"train_seconds": 0, "throughput": []}  # by the clock
    assert {**result_of(cut, recipe), **strip} == {**result_of(whole, recipe), **strip}
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.deepspeed
@pytest.mark.parametrize("stop_after", [4, 8])
def test_being_stopped_at_an_evaluation_loses_none(world, store, host, stop_after):
    recipe = world.train("gen-nli", steps=12, evaluate_every=4, **DROPOUT)
    whole, cut = store("whole"), store("cut")
    execution = Execution(log_every=2)
    world.do(recipe, execution, store=whole)
    carry_out(recipe, execution, cut, host(stop_after=stop_after))
    carry_out(recipe, execution, cut, host())
    assert result_of(cut, recipe)["dev"] == result_of(whole, recipe)["dev"]
    assert len(result_of(cut, recipe)["dev"]) == 3


@pytest.mark.deepspeed
@pytest.mark.parametrize("stop_after", [1, 4, 9])
def test_when_states_are_saved_leaves_the_loss_curve_whole(world, store, host, stop_after):
    recipe = world.train("gen-nli", steps=12, evaluate_every=6, **DROPOUT)
    whole, cut = store("whole"), store("cut")
    execution = Execution(log_every=6, state_every=4)
    world.do(recipe, execution, store=whole)
    assert carry_out(recipe, execution, cut, host(stop_after=stop_after)) is False
    carry_out(recipe, execution, cut, host())
    assert result_of(cut, recipe)["losses"] == result_of(whole, recipe)["losses"]


# --- plateau -------------------------------------------------------------------------------------------------


def test_a_rise_by_less_than_the_gain_is_no_gain_but_the_best_is_the_best():
    progress = TrainerState(1)
    for value in (50.0, 50.4, 50.8, 51.2, 51.3):
        progress.step += 1
        kept = progress.evaluated(value, {}, 1.0)
        assert kept
    # 51.2 is the first that rose by more than 1 from 50; 51.3 is no gain on it.
    assert (progress.bar, progress.evals_without_gain) == (51.2, 1)
    assert progress.best["value"] == 51.3


@pytest.mark.deepspeed
def test_patience_ends_a_run_that_gains_too_little(world, store):
    recipe = world.train("gen-tags", steps=40, evaluate_every=4, patience=2, min_gain=99.0)
    place = store()
    world.do(recipe, store=place)
    result = result_of(place, recipe)
    assert result["steps"] == 12
    assert result["stopped_early"]
    assert result["best"]["value"] == max(point["value"] for point in result["dev"])
