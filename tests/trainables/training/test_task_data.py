"""Several tasks in one training: whose turn it is, what they share, and that execution leaves the numbers alone."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from trainables.models.task_model import load_task_model
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import Selection, TaskSpec, TrainTask
from trainables.store import HEAD, MODEL, Store
from trainables.task_types import get_task_type
from trainables.training.task_data import TaskSampler

TASK = TaskSpec(name="t", version=1, type="tagging", source="files")


def part(head, share=None, select=True):
    chosen = Selection(metrics=("f1",)) if select else None
    return TrainTask(task=TASK, data=("d",), head=head, select=chosen, share=share)


def turns(rows, *, shares=None, sampling=None, seed=1, batch_size=10, **length):
    parts = [part(str(i), share) for i, share in enumerate(shares or [None] * len(rows))]
    return TaskSampler(parts, rows, sampling, Optimisation(batch_size=batch_size, **(length or {"epochs": 1})), seed)


def test_epochs_are_rounded_up_to_whole_steps():
    assert turns([100], batch_size=32).steps == 4
    assert turns([100], batch_size=32, epochs=0.01).steps == 1
    assert turns([100], steps=7).steps == 7


def test_an_epoch_reads_each_task_up_to_its_cap():
    assert turns([1000, 50], sampling=Sampling(cap=100)).steps == 15


def test_turns_are_proportional_to_capped_rows_at_a_temperature():
    assert turns([100, 300], sampling=Sampling()).shares == pytest.approx([0.25, 0.75])
    assert turns([100, 300], sampling=Sampling(cap=100)).shares == pytest.approx([0.5, 0.5])
    assert turns([100, 900], sampling=Sampling(temperature=2)).shares == pytest.approx([0.25, 0.75])
    # T5: the limit of a high temperature is equal shares.
    assert turns([1, 10**6], sampling=Sampling(temperature=1e6)).shares == pytest.approx([0.5, 0.5], abs=1e-4)


def test_a_fixed_share_comes_on_top_of_the_tasks_own_steps():
    mixed = turns([100, 100, 9999], shares=[None, None, 0.5], sampling=Sampling(), batch_size=1)
    assert mixed.steps == 400
    assert mixed.shares == pytest.approx([0.25, 0.25, 0.5])


@given(
    rows=st.lists(st.integers(1, 500), min_size=2, max_size=4),
    temperature=st.floats(1, 5),
    seed=st.integers(0, 2**40),
)
def test_every_step_has_one_part_whose_turns_are_counted_without_gap(rows, temperature, seed):
    drawn = turns(rows, sampling=Sampling(temperature=temperature), seed=seed)
    again = turns(rows, sampling=Sampling(temperature=temperature), seed=seed)
    seen = dict.fromkeys(range(len(rows)), 0)
    for step in range(drawn.steps):
        number, turn = drawn.at(step)
        assert (number, turn) == again.at(step)
        assert turn == seen[number]
        seen[number] += 1


def test_turns_come_as_often_as_their_shares_say():
    drawn = turns([100, 300], sampling=Sampling(), steps=20_000)
    first = sum(drawn.at(step)[0] == 0 for step in range(20_000))
    assert first == pytest.approx(5_000, abs=4 * (20_000 * 0.25 * 0.75) ** 0.5)


# --- in the loop -----------------------------------------------------------------------------------------------------


def carried_out(world, recipe, folder, **execution):
    shutil.copytree(world.store.root, folder)
    store = Store(str(folder))
    world.do(recipe, Execution(log_every=1, **execution), store=store)
    return store


def weights(store, step):
    path = store.path(step)
    return {**load_file(path / MODEL / "model.safetensors"), **load_file(path / HEAD)}


def heads_of(store, step):
    return {key.partition(".")[0] for key in load_file(store.path(step) / HEAD)}


@pytest.mark.deepspeed
def test_several_tasks_give_the_same_numbers_under_every_zero_stage(world, tmp_path):
    recipe = world.together("gen-nli", "gen-tags", beside=("gen-text",), dropout=0.1)
    plain = carried_out(world, recipe, tmp_path / "plain", zero_stage=0)
    expected = [loss for _, loss in plain.record(recipe.id)["result"]["losses"]]
    assert len(expected) == 12
    for stage, tokens in ((0, 100), (1, 300), (2, 200), (3, 100)):
        store = carried_out(world, recipe, tmp_path / f"{stage}", zero_stage=stage, micro_batch_tokens=tokens)
        assert [loss for _, loss in store.record(recipe.id)["result"]["losses"]] == pytest.approx(expected, abs=5e-5)
        a, b = weights(plain, recipe.id), weights(store, recipe.id)
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 5e-4


@pytest.mark.deepspeed
def test_the_mean_over_the_tasks_that_select_picks_the_checkpoint(world, tmp_path):
    recipe = world.together("gen-nli", "gen-tags", beside=("gen-text",))
    store = carried_out(world, recipe, tmp_path / "s", zero_stage=0)
    result = store.record(recipe.id)["result"]
    for point in result["dev"]:
        assert not any(key.startswith("gen-text") for key in point)
    values = [(point["gen-nli/accuracy"] + point["gen-tags/f1"]) / 2 for point in result["dev"]]
    assert result["best"]["value"] == pytest.approx(max(values))
    assert [one["head"] for one in result["tasks"]] == ["gen-nli", "gen-tags", "gen-text"]
    assert result["tasks"][2]["share_of_steps"] == 0.5


@pytest.mark.deepspeed
def test_each_head_is_trained_and_one_that_two_tasks_share_is_one(world, tmp_path):
    own = world.together("gen-nli", "gen-nli")
    renamed = own.tasks[1].model_copy(update={"head": "second"})
    two = own.model_copy(update={"tasks": (own.tasks[0], renamed)})
    one_head, two_heads = (carried_out(world, r, tmp_path / n) for r, n in ((own, "one"), (two, "two")))
    assert heads_of(one_head, own.id) == {"gen-nli"}
    assert heads_of(two_heads, two.id) == {"gen-nli", "second"}
    # A model with several heads says of none that it is a target's.
    task = own.tasks[0].task
    task_type = get_task_type(task.type).modeling()
    new_head = partial(task_type.head, task=task, dropout=0.0)
    assert load_task_model(CheckpointRef(step=own.id), task.name, new_head, "fp32", one_head, Execution())
    with pytest.raises(WrongWeights, match="has heads for gen-nli, second"):
        load_task_model(CheckpointRef(step=two.id), task.name, new_head, "fp32", two_heads, Execution())


@pytest.mark.deepspeed
def test_stopping_between_tasks_and_going_on_changes_nothing(world, tmp_path, host):
    from trainables.steps.run import carry_out

    recipe = world.together("gen-nli", "gen-tags", dropout=0.1)
    whole = carried_out(world, recipe, tmp_path / "whole", zero_stage=0)
    cut = Store(str(shutil.copytree(world.store.root, tmp_path / "cut")))
    execution = Execution(log_every=1, zero_stage=0)
    assert carry_out(recipe, execution, cut, host(stop_after=5)) is False
    assert carry_out(recipe, execution, cut, host()) is True
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all((a[key] == b[key]).all() for key in a)
