"""The plan: what is shared, what a change costs, and that execution is not in it."""

from __future__ import annotations

from sweeps.planner import make_plan
from sweeps.reading import read_spec


def plan_of(file, *overrides):
    return make_plan(read_spec(file, list(overrides)), str(file))


def kinds(plan):
    return {kind: sum(step.kind == kind for step in plan.steps.values()) for kind in ("prepare", "train", "evaluate")}


GRID = {
    "intermediates": ["none", "gen-nli", "gen-qa"],
    "targets": ["gen-nli", "gen-tags", "gen-qa", "gen-pairs"],
    "seeds": [1, 2],
}


def test_the_grid_of_the_demonstration(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    # 2 pretrainings, 2 x 2 intermediates, 3 x 3 x 2 trained targets; but gen-nli and gen-qa after no intermediate are
    # the intermediates gen-nli and gen-qa. Retrieval is evaluated on the 5 encoders.
    assert kinds(plan) == {"prepare": 10, "train": 2 + 4 + 18 - 4, "evaluate": 18 + 5}
    assert len(plan.cells) == 3 * 4 * 2
    # Cell by cell: 2 x 24 pretrainings, 16 intermediates, 18 trainings of targets.
    assert plan.naive_train_steps == 48 + 16 + 18


def test_parents_stand_before_their_children_and_are_in_the_plan(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    seen = set()
    for step in plan.steps.values():
        assert set(step.needs) <= seen
        seen.add(step.id)


def test_a_target_after_no_intermediate_is_the_intermediate_of_others(sweep_file):
    file = sweep_file(intermediates=["none", "gen-nli"], targets=["gen-nli"], seeds=[1, 2], intermediate_seeds="shared")
    trains = [step for step in plan_of(file).steps.values() if step.tags.get("intermediate") is not None]
    names = {step.name for step in trains if step.kind == "train"}
    assert names == {f"{a} -> gen-nli · seed {s}" for a in ("none", "gen-nli") for s in (1, 2)}


def test_targets_with_the_same_training_data_share_their_training(sweep_file):
    targets = [{"task": "gen-nli", "languages": ["one", "two"]}, "gen-pairs"]
    alone = plan_of(sweep_file(targets=targets))
    # Another evaluation of the same training: only evaluation and its data come new.
    wider = plan_of(sweep_file(targets=[{"task": "gen-nli"}, "gen-pairs"]))
    new = [step for step in wider.steps.values() if step.id not in alone.steps]
    assert {step.kind for step in new} == {"prepare", "evaluate"}


def test_a_test_limit_leaves_retrieval_its_candidates(sweep_file):
    plan = plan_of(sweep_file(targets=["gen-tags", "gen-pairs"], test_limit=7))
    tests = [step.recipe for step in plan.steps.values() if step.kind == "prepare" and step.id.startswith("data-")]
    limits = {
        recipe.task.name: {rows.limit for rows in recipe.rows} for recipe in tests if recipe.rows[0].split == "test"
    }
    assert limits["gen-tags"] == {7}
    assert limits["gen-pairs"] == {None}


def test_one_more_intermediate_adds_only_its_own_steps(sweep_file):
    before = plan_of(sweep_file(intermediates=["none"]))
    after = plan_of(sweep_file(intermediates=["none", "gen-nli"]))
    assert set(before.steps) < set(after.steps)
    new = [step for step in after.steps.values() if step.id not in before.steps]
    assert {step.tags.get("intermediate", "gen-nli") for step in new} == {"gen-nli"}
    assert sum(step.kind == "train" for step in new) == 2


def test_shared_intermediate_seeds_train_each_intermediate_once(sweep_file):
    matched = plan_of(sweep_file(intermediates=["none", "gen-nli"], seeds=[1, 2, 3]))
    shared = plan_of(sweep_file(intermediates=["none", "gen-nli"], seeds=[1, 2, 3], intermediate_seeds="shared"))

    def intermediates(plan):
        return sum(step.tags.get("phase") == "intermediate" for step in plan.steps.values())

    assert (intermediates(matched), intermediates(shared)) == (3, 1)


def test_execution_changes_no_step(sweep_file):
    file = sweep_file(**GRID)
    plain = plan_of(file)
    other = plan_of(
        file,
        "execution.workers=2",
        "execution.zero_stage=3",
        "execution.micro_batch_tokens=77",
        "execution.log_every=1",
        "storage=/elsewhere",
        "tracking=http://localhost:1",
    )
    assert list(plain.steps) == list(other.steps)


def test_data_seed_changes_every_step(sweep_file):
    file = sweep_file(**GRID)
    assert not set(plan_of(file).steps) & set(plan_of(file, "generated.seed=2").steps)


def test_the_longest_way_to_an_end_counts(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    for step in plan.steps.values():
        children = [child for child in plan.steps.values() if step.id in child.needs]
        expected = step.cost + max((plan.remaining[child.id] for child in children), default=0.0)
        assert plan.remaining[step.id] == expected
