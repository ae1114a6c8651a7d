"""The plan: what is shared, what a change costs, and that execution is not in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import read_spec


def plan_of(file, *overrides):
    return make_plan(read_spec(file, list(overrides)), str(file))


def kinds(plan):
    return dict(Counter(step.kind.group for step in plan.steps.values()))


GRID = {
    "intermediates": ["none", "gen-nli", "gen-qa"],
    "targets": ["gen-nli", "gen-tags", "gen-qa", "gen-pairs"],
    "seeds": [1, 2],
}


def test_a_grid_shares_what_it_can(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    # 2 pretrainings, 2 x 2 intermediates, 3 x 3 x 2 trained targets; but gen-nli and gen-qa after no intermediate are
    # the intermediates gen-nli and gen-qa. Retrieval is evaluated on the 5 encoders.
    assert kinds(plan) == {"prepare": 10, "train": 2 + 4 + 18 - 4, "evaluate": 18 + 5}
    assert len(plan.cells) == 3 * 4 * 2
    # Cell by cell: 2 x 24 pretrainings, 16 intermediates, 18 trainings of targets.
    assert plan.unshared_train_steps == 48 + 16 + 18


def test_the_demonstration_has_two_intermediates_of_which_one_is_a_target_too():
    plan = plan_of(Path("sweeps/demo.yaml"))
    phases = Counter(step.phases for step in plan.steps.values() if step.kind.group == "train")
    # 4 seeds: gen-choice; gen-nli, which is the target after no intermediate too; gen-nli after either.
    assert phases[("intermediate",)] == 4
    assert phases[("intermediate", "target")] == 4
    assert phases[("target",)] == 8


def test_parents_stand_before_their_children_and_are_in_the_plan(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    seen = set()
    for step in plan.steps.values():
        assert set(step.needs) <= seen
        seen.add(step.id)


def test_a_target_after_no_intermediate_is_the_intermediate_of_others(sweep_file):
    file = sweep_file(intermediates=["none", "gen-nli"], targets=["gen-nli"], seeds=[1, 2], intermediate_seeds="shared")
    trains = [step for step in plan_of(file).steps.values() if step.tags.get("intermediate") is not None]
    names = {step.name for step in trains if step.kind.group == "train"}
    shared = {"none -> gen-nli · seed 1 (also gen-nli · seed 1)", "none -> gen-nli · seed 2"}
    assert names == shared | {f"gen-nli -> gen-nli · seed {s}" for s in (1, 2)}
    (both,) = [step for step in trains if len(step.phases) > 1]
    assert both.phases == ("intermediate", "target")
    assert both.tags["phase"] == "intermediate and target"
    assert both.tags["intermediate"] == "none, gen-nli"


def test_targets_with_the_same_training_data_share_their_training(sweep_file):
    targets = [{"task": "gen-nli", "languages": ["one", "two"]}, "gen-pairs"]
    alone = plan_of(sweep_file(targets=targets))
    # Another evaluation of the same training: only evaluation and its data come new.
    wider = plan_of(sweep_file(targets=[{"task": "gen-nli"}, "gen-pairs"]))
    new = [step for step in wider.steps.values() if step.id not in alone.steps]
    assert {step.kind.group for step in new} == {"prepare", "evaluate"}


def test_a_test_limit_leaves_retrieval_its_candidates(sweep_file):
    plan = plan_of(sweep_file(targets=["gen-tags", "gen-pairs"], test_limit=7))
    tests = [
        step.recipe for step in plan.steps.values() if step.kind.group == "prepare" and step.id.startswith("data-")
    ]
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
    assert sum(step.kind.group == "train" for step in new) == 2


def test_shared_intermediate_seeds_train_each_intermediate_once(sweep_file):
    matched = plan_of(sweep_file(intermediates=["none", "gen-nli"], seeds=[1, 2, 3]))
    shared = plan_of(sweep_file(intermediates=["none", "gen-nli"], seeds=[1, 2, 3], intermediate_seeds="shared"))

    def intermediates(plan):
        return sum("intermediate" in step.phases for step in plan.steps.values())

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


def test_execution_of_all_steps_of_a_kind_and_of_a_model(sweep_file):
    file = sweep_file(**{**GRID, "models": {"one": "mini", "two": "mini"}})  # one model: what they share is the first's
    layers = "execution={workers: 2, log_every: 7, all: {state_every: 9}, train: {workers: 3}, evaluate: {retries: 5}}"

    def found(*overrides):
        return {s.kind.group: s.execution for s in plan_of(file, layers, *overrides).steps.values()}

    of_kind, of_model = found("execution.two={workers: 4}"), found("execution.one={workers: 4}")
    assert {kind: one.workers for kind, one in of_kind.items()} == {"prepare": 2, "train": 3, "evaluate": 2}
    assert {kind: one.workers for kind, one in of_model.items()} == {"prepare": 2, "train": 4, "evaluate": 4}
    assert {(one.log_every, one.state_every) for one in of_model.values()} == {(7, 9)}
    # What the file does not give stays open.
    own, common = {"data", "plugins", "task_files", "model_paths"}, {"workers", "log_every", "state_every"}
    assert of_model["train"].model_fields_set - own == common
    assert of_model["evaluate"].model_fields_set - own == {*common, "retries"}
    assert found("execution=auto")["train"].model_fields_set == own


def test_data_seed_changes_every_step(sweep_file):
    file = sweep_file(**GRID)
    assert not set(plan_of(file).steps) & set(plan_of(file, "generated.seed=2").steps)


def test_the_longest_way_to_an_end_counts(sweep_file):
    plan = plan_of(sweep_file(**GRID))
    for step in plan.steps.values():
        children = [child for child in plan.steps.values() if step.id in child.needs]
        expected = step.cost.seconds + max((plan.remaining[child.id] for child in children), default=0.0)
        assert plan.remaining[step.id] == expected


SEVERAL = {"name": "both", "tasks": ["gen-nli", "gen-tags"], "cap": 100, "temperature": 2.0}
MLM = {"corpora": ["gen-text"], "languages": ["one", "two"], "share": 0.3, "alpha": 0.5, "max_length": 64}


def trained(plan, name):
    return next(
        step.recipe
        for step in plan.steps.values()
        if step.kind.group == "train" and any(role.label.startswith(name) for role in step.roles)
    )


def test_several_tasks_at_once_are_one_step_on_the_data_of_each(sweep_file):
    plan = plan_of(sweep_file(intermediates=["none", "gen-nli", SEVERAL]), "training.all.dev_limit=500")
    both, alone = trained(plan, "both"), trained(plan, "gen-nli")
    assert [part.head for part in both.tasks] == ["gen-nli", "gen-tags"]
    assert both.tasks[0].data == alone.tasks[0].data
    assert (both.sampling.cap, both.sampling.temperature) == (100, 2.0)
    assert both.optimisation.steps == 10


def test_tasks_share_a_head_only_where_labels_agree_and_it_is_asked_for(sweep_file, tmp_path):
    folder = tmp_path / "data" / "xnli"
    folder.mkdir(parents=True)
    for name in ("train", "dev"):
        (folder / f"{name}-en.tsv").write_text("A cat sleeps.\tAn animal sleeps.\tentailment\n")

    def heads(**fields):
        intermediate = {"name": "all", "tasks": ["mnli", "gen-tags", "xnli-dev"], **fields}
        file = sweep_file(intermediates=[intermediate], data=str(tmp_path / "data"))
        return [part.head for part in trained(plan_of(file), "all").tasks]

    assert heads() == heads(heads="own") == ["mnli", "gen-tags", "xnli-dev"]
    assert heads(heads="shared") == ["mnli", "gen-tags", "mnli"]


def test_masked_lm_beside_a_task_has_its_share_and_no_say(sweep_file):
    plan = plan_of(sweep_file(intermediates=[{"name": "nli-mlm", "tasks": ["gen-nli"], "mlm": MLM}]))
    task, text = trained(plan, "nli-mlm").tasks
    assert (task.share, text.share) == (None, 0.3)
    assert task.select is not None
    assert text.select is None
    assert text.task.type == "masked-lm"


def test_settings_of_a_task_reach_its_variants_and_those_of_a_name_are_stronger(sweep_file):
    training = {"all": {"steps": 10, "max_length": 64}, "gen-nli": {"steps": 20}, "late": {"learning_rate": 0.5}}
    variants = [{"name": "late", "tasks": ["gen-nli"]}, "gen-nli@one"]
    plan = plan_of(sweep_file(intermediates=variants, training=training))
    assert trained(plan, "late").optimisation.steps == 20
    assert trained(plan, "late").optimisation.learning_rate == 0.5
    assert trained(plan, "gen-nli@one").optimisation.steps == 20


def test_a_target_may_be_trained_on_several_tasks_one_after_the_other(sweep_file):
    targets = [{"task": "gen-nli", "train_on": ["gen-tags", "gen-nli"]}, {"task": "gen-pairs", "train_on": "gen-tags"}]
    plan = plan_of(sweep_file(targets=targets))
    steps = {step.name: step for step in plan.steps.values()}
    first, second = steps["none -> gen-nli · seed 1 (gen-tags)"], steps["none -> gen-nli · seed 1"]
    assert second.recipe.start.step == first.id
    assert steps["evaluate none -> gen-nli · seed 1"].recipe.model.step == second.id
    # Retrieval has no head of its own, so any training may come before it; here it is the one of the chain.
    assert steps["evaluate none -> gen-pairs · seed 1"].recipe.model.step == first.id


def test_what_is_trained_in_bf16_is_evaluated_in_bf16(sweep_file):
    plan = plan_of(sweep_file(), "training.gen-tags.precision=bf16")
    precisions = {s.recipe.task.name: s.recipe.precision for s in plan.steps.values() if s.kind.group == "evaluate"}
    assert precisions == {"gen-tags": "bf16", "gen-pairs": "fp32"}
    plan = plan_of(sweep_file(), "training.all.precision=bf16")
    assert {s.recipe.precision for s in plan.steps.values() if s.kind.group == "evaluate"} == {"bf16"}


def test_how_vectors_are_made_changes_retrieval_alone(sweep_file):
    file = sweep_file()
    plain, other = plan_of(file), plan_of(file, "retrieval.pooling=first", "retrieval.layer=1")
    new = [other.steps[name] for name in set(other.steps) - set(plain.steps)]
    assert [(step.kind.name, step.recipe.task.name) for step in new] == [("evaluate", "gen-pairs")]
    assert (new[0].recipe.task.vectors.layer, new[0].recipe.task.vectors.pooling) == (1, "first")


def test_collapse_is_looked_for_where_it_can_be_told(sweep_file):
    targets = ["gen-nli", "gen-qa", "gen-tags"]

    def watched(*overrides):
        plan = plan_of(sweep_file(targets=targets), *overrides)
        trains = [step for step in plan.steps.values() if step.kind.group == "train"]
        return {
            step.name: (step.recipe.optimisation.collapse_patience, step.recipe.optimisation.reseed) for step in trains
        }

    assert watched() == {
        "pretrain 1": (None, None),
        "pretrain 2": (None, None),
        "none -> gen-nli · seed 1": (3, None),
        "none -> gen-qa · seed 1": (None, None),
        "none -> gen-tags · seed 1": (3, None),
    }
    # A loss that is no number can be told everywhere.
    assert set(watched("early_stopping.collapse={patience: null, reseed: 2}").values()) == {(None, 2)}
