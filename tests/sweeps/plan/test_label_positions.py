"""`TASK@first-visible` in a sweep file: as a target, in `train_on`, as an intermediate; and where it means nothing."""

from __future__ import annotations

import pytest

from sweeps.plan.planner import make_plan
from sweeps.plan.remarks import known_without_rows
from sweeps.spec.reading import WrongSpec, read_spec

BOTH = ["gen-tags", "gen-tags@first-visible"]


def plan_of(file):
    return make_plan(read_spec(file), str(file))


def by_label(plan, kind):
    return {step.name.partition(" · ")[0]: step.recipe for step in plan.steps.values() if step.kind.name == kind}


def positions(recipes):
    return {name: recipe.tasks[0].task.label_position for name, recipe in recipes.items()}


def test_both_positions_are_columns_of_their_own_and_the_reference_keeps_its_steps(sweep_file):
    plan = plan_of(sweep_file(targets=BOTH))
    alone = plan_of(sweep_file(targets=BOTH[:1]))
    assert set(alone.steps) < set(plan.steps)
    assert [cell.target for cell in plan.cells] == BOTH
    trained, evaluated = by_label(plan, "train"), by_label(plan, "evaluate")
    for name, position in (("gen-tags", None), ("gen-tags@first-visible", "first-visible")):
        (part,) = trained[f"none -> {name}"].tasks
        recipe = evaluated[f"evaluate none -> {name}"]
        data = [plan.steps[step].recipe.task for step in (*part.data, recipe.data)]
        assert {one.label_position for one in (part.task, recipe.task, *data)} == {position}
        assert {one.name for one in (part.task, recipe.task, *data)} == {"gen-tags"}


def test_an_intermediate_and_a_target_of_the_same_position_share_their_training(sweep_file):
    plan = plan_of(sweep_file(intermediates=["none", *BOTH, "gen-tags@first-visible@one"], targets=BOTH))
    found = {name: position for name, position in positions(by_label(plan, "train")).items() if "->" in name}
    assert {name: position is not None for name, position in found.items()} == {
        f"{intermediate} -> {target}": target == BOTH[1] for intermediate in ("none", *BOTH) for target in BOTH
    }
    shared = [step for step in plan.steps.values() if step.kind.name == "train" and len(step.phases) > 1]
    assert [step.recipe.tasks[0].task.label_position for step in shared] == [None, "first-visible"]


def test_tags_that_a_causal_decoder_has_not_read_the_words_of_are_remarked_on(sweep_file):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    tokenizer = {"corpora": ["gen-text"], "vocab_size": 500}
    llama = {"architecture": {"model_type": "llama", **sizes}, "tokenizer": tokenizer}
    models = {"enc": {"architecture": sizes, "tokenizer": tokenizer}, "dec": llama}
    models["both"] = {**llama, "attention": "bidirectional"}
    file = sweep_file(models=models, targets=BOTH)
    (line,) = [one for one in known_without_rows(plan_of(file), read_spec(file)) if "causal decoder" in one]
    assert line.startswith("gen-tags@first-visible: models.dec is a causal decoder")


def test_settings_of_the_task_hold_unless_it_has_its_own(sweep_file):
    training = {
        "all": {"steps": 10, "max_length": 64, "batch_size": 16, "learning_rate": 1e-3},
        "gen-tags": {"learning_rate": 2e-3, "batch_size": 8},
        "gen-tags@first-visible": {"learning_rate": 3e-3},
    }
    file = sweep_file(intermediates=["none", "gen-nli", BOTH[1]], targets=BOTH, training=training)
    trained = by_label(plan_of(file), "train")
    for name in ("none", "gen-nli", BOTH[1]):
        ours, theirs = (trained[f"{name} -> {target}"].optimisation for target in BOTH)
        assert (ours.learning_rate, theirs.learning_rate) == (2e-3, 3e-3)
        assert (ours.batch_size, theirs.batch_size) == (8, 8)
    del training["gen-tags@first-visible"]
    file = sweep_file(intermediates=[BOTH[1]], targets=["gen-nli"], training=training)
    assert by_label(plan_of(file), "train")["gen-tags@first-visible"].optimisation.learning_rate == 2e-3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"targets": ["gen-nli@first-visible"]}, r'targets\[0\]: .*gen-nli has no tags of words; .*"gen-nli"\?$'),
        ({"intermediates": ["gen-nli@first-visible"]}, r"intermediates\[0\]: .*gen-nli has no tags of words"),
        (
            {"targets": [{"task": "gen-tags", "train_on": BOTH[1]}]},
            r'targets\[0\]: "gen-tags" and "gen-tags@first-visible" have tags in other places; write @first-visible',
        ),
        ({"targets": [{"task": BOTH[1], "train_on": "gen-tags"}]}, r"targets\[0\]: .* have tags in other places"),
        ({"targets": [BOTH[1], BOTH[1]]}, "targets: .* stands here twice"),
        ({"data": {BOTH[1]: "."}}, r'data\.gen-tags@first-visible: has the rows of "gen-tags"; write data\.gen-tags$'),
        ({"training": {BOTH[1]: {"steps": 3}}}, r"training\.gen-tags@first-visible: no intermediate or target"),
    ],
)
def test_a_position_that_means_nothing_is_refused_in_a_line(sweep_file, fields, said):
    with pytest.raises(WrongSpec, match=said) as caught:
        plan_of(sweep_file(**{"targets": ["gen-tags"], **fields}))
    assert len(caught.value.lines) == 1
    assert len(caught.value.lines[0]) <= 300
