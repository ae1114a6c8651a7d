"""Controls of image-text: the same captions, rows and updates without images, and as many updates of another task."""

from __future__ import annotations

import pytest

from sweeps.plan.planner import make_plan
from sweeps.plan.remarks import matched
from sweeps.spec.reading import read_spec
from trainables.recipe.recipes import DataRecipe

TOWER = {"hidden_size": 32, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
SWEEP = {
    "vision": {"architecture": TOWER, "width": 16},
    "intermediates": [
        "none",
        {"name": "images", "tasks": ["gen-images@one+two+four"]},
        {"name": "frozen", "tasks": ["gen-images@two"], "vision": {"architecture": TOWER, "loss": "sigmoid"}},
        {"name": "captions", "captions_of": "images"},
        {"name": "denoised", "captions_of": "images", "objective": "masked-lm"},
        {"name": "nli", "tasks": ["gen-nli"], "updates_of": "images"},
    ],
    "targets": ["gen-nli", "gen-images"],
    "seeds": [1],
    "training": {
        "all": {"steps": 4, "batch_size": 8, "max_length": 32},
        "images": {"steps": 6, "batch_size": 64, "learning_rate": 1.0e-3, "evaluate_every": 3},
        "denoised": {"learning_rate": 2.0e-3},
    },
}


def planned(sweep_file, **change):
    spec = read_spec(sweep_file(**{**SWEEP, **change}))
    plan = make_plan(spec, "sweep.yaml")
    trained = {
        role.intermediate: step.recipe
        for step in plan.steps.values()
        for role in step.roles
        if role.phase == "intermediate"
    }
    return spec, plan, trained


def test_a_control_has_the_texts_rows_and_updates_of_what_it_is_matched_to(sweep_file):
    spec, plan, trained = planned(sweep_file)
    images, (part,) = trained["images"], trained["images"].tasks
    assert part.task.alignment.width == 16
    rows = [plan.steps[name].recipe for name in (*images.data_steps, *trained["captions"].data_steps)]
    assert all(isinstance(one, DataRecipe) for one in rows)
    train = [[row for row in one.rows if row.split == "train"] for one in rows]
    assert train[0] == train[1]
    assert (rows[0].tower, rows[1].tower) == (part.task.alignment.tower, None)
    for name in ("captions", "denoised", "nli"):
        ours = trained[name].optimisation
        assert (ours.steps, ours.batch_size) == (6, 64), name
    assert trained["captions"].optimisation == images.optimisation
    assert trained["denoised"].optimisation.learning_rate == 2e-3
    assert trained["nli"].optimisation.evaluate_every != 3
    assert [one.role for one in spec.intermediates] == [
        "none", "image-text", "image-text", "caption-only", "caption-only", "text",
    ]  # fmt: skip


def test_what_is_equal_and_what_differs_is_said(sweep_file):
    spec, plan, _ = planned(sweep_file)
    assert matched(plan, spec) == [
        "captions: 6 updates of 64 rows, as images has, of the same captions; without images, and by "
        "translation-ranking",
        "denoised: 6 updates of 64 rows, as images has, of the same captions; without images, and by masked-lm, and "
        "learning_rate",
        "nli: 6 updates of 64 rows, as images has; rows and task differ",
    ]


def test_towers_and_losses_are_those_of_the_sweep_or_of_the_intermediate_alone(sweep_file):
    _, plan, trained = planned(sweep_file)
    losses = {
        name: recipe.tasks[0].task.alignment.loss for name, recipe in trained.items() if name in ("images", "frozen")
    }
    assert losses == {"images": "infonce", "frozen": "sigmoid"}
    before = {name for name, step in plan.steps.items() if step.kind.group == "prepare"}
    other = {**SWEEP["vision"], "loss": "sigmoid"}
    _, again, moved = planned(sweep_file, vision=other)
    # Another loss trains anew and reads the same rows.
    assert before == {name for name, step in again.steps.items() if step.kind.group == "prepare"}
    assert moved["images"].id != trained["images"].id
    assert moved["captions"].id == trained["captions"].id


def test_a_test_limit_leaves_images_their_candidates(sweep_file):
    _, plan, _ = planned(sweep_file, test_limit=7)
    recipes = [step.recipe for step in plan.steps.values() if isinstance(step.recipe, DataRecipe)]
    tests = {(one.task.name, rows.limit) for one in recipes for rows in one.rows if rows.split == "test"}
    assert tests == {("gen-nli", 7), ("gen-images", None)}


def test_the_same_task_in_another_language_is_matched_by_the_settings_of_their_task(sweep_file):
    captions = {"name": "two", "tasks": ["gen-images@two"], "updates_of": "gen-images@one"}
    training = {"all": {"batch_size": 8, "max_length": 32}, "gen-images": {"steps": 6}, "gen-nli": {"steps": 2}}
    _, _, trained = planned(sweep_file, intermediates=["none", "gen-images@one", captions], training=training)
    assert [trained[name].optimisation.steps for name in ("gen-images@one", "two")] == [6, 6]


@pytest.mark.parametrize(("own", "limits"), [(None, (50, 50)), (30, (30, 30))])
def test_the_same_task_in_several_languages_reads_as_many_rows_in_all(sweep_file, own, limits):
    name = "gen-images@one+two"
    both = {"name": name, "tasks": [name], "updates_of": "gen-images@one"}
    training = {"all": {"batch_size": 8, "max_length": 32}, "gen-images": {"steps": 6, "train_limit": 100}}
    training |= {"gen-nli": {"steps": 2}, **({name: {"train_limit": own}} if own else {})}
    fields = {"intermediates": ["none", "gen-images@one", both], "training": training}
    spec, plan, trained = planned(sweep_file, **fields)
    refs = [rows for data in trained[name].data_steps for rows in plan.steps[data].recipe.rows]
    assert tuple(rows.limit for rows in refs if rows.split == "train") == limits
    (said,) = matched(plan, spec)
    assert said.endswith(f"the same task in other languages, {sum(limits)} train rows in all, and 100")
