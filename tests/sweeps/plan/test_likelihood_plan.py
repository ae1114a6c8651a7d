"""Multiple choice by likelihood in a sweep file: ways, shots, training or none; and what is refused while planning."""

from __future__ import annotations

import pytest

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.recipe.likelihood import Likelihood, Prompt
from trainables.tasks import get_task

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
DECODER = {
    "models": {
        "small": {
            "architecture": {"model_type": "llama", "max_position_embeddings": 130, **SIZES},
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
        }
    }
}
LETTERS = {"question": "{prompt}\n{choices}\nAnswer:", "answers": "letters"}
WAYS = {"few": {"shots": 3, **LETTERS}, "tuned": {"loss": "answer", "normalise": "bytes"}, "letters": LETTERS}
TARGETS = [
    "gen-choice",
    "gen-choice@likelihood",
    "gen-choice@few",
    {"task": "gen-choice@tuned", "train_on": "gen-choice@tuned"},
]


def plan_of(file):
    return make_plan(read_spec(file), str(file))


def test_heads_and_likelihoods_stand_side_by_side_and_the_old_steps_stay(sweep_file):
    fields = {**DECODER, "likelihood": WAYS, "seeds": [1, 2]}
    plan, alone = (plan_of(sweep_file(**fields, targets=targets)) for targets in (TARGETS, TARGETS[:1]))
    assert set(alone.steps) < set(plan.steps)
    recipes = {cell.target: plan.steps[cell.evaluation].recipe for cell in plan.cells if cell.seed == 1}
    assert list(recipes) == ["gen-choice", "gen-choice@likelihood", "gen-choice@few", "gen-choice@tuned"]
    assert {one.task.type for one in recipes.values()} == {"multiple-choice", "choice-likelihood"}
    assert recipes["gen-choice"].task.likelihood is None
    assert recipes["gen-choice@likelihood"].task.likelihood == Likelihood()
    tuned = Likelihood(normalise="bytes")
    assert recipes["gen-choice@tuned"].task.likelihood == tuned  # the loss has no say in an evaluation
    training = plan.steps[recipes["gen-choice@tuned"].model.step].recipe
    assert training.tasks[0].task.likelihood == tuned.model_copy(update={"loss": "answer"})
    assert training.optimisation.collapse_patience is None  # its loss has no chance level
    # Untrained, it is one evaluation for all seeds, of the length that the file gives all tasks.
    untrained = {cell.evaluation for cell in plan.cells if cell.target == "gen-choice@likelihood"}
    assert len(untrained) == 1
    data = plan.steps[recipes["gen-choice@likelihood"].data].recipe
    assert (data.max_length, data.shots) == (64, None)
    few = plan.steps[recipes["gen-choice@few"].data].recipe
    assert [rows.name for rows in few.shots.rows] == ["dev-one"]
    assert few.task.likelihood == Likelihood(shots=3, **LETTERS)
    assert {rows.split for rows in few.rows} == {"test"}
    # What rows are encoded as is the same whatever they are divided by.
    assert plan.steps[recipes["gen-choice@tuned"].data].recipe.task.likelihood == Likelihood()


def test_as_an_intermediate_it_is_trained_by_the_chance_of_the_right_choice(sweep_file):
    names = ["none", "gen-choice@likelihood", "gen-choice@letters"]
    plan = plan_of(sweep_file(**DECODER, likelihood=WAYS, intermediates=names, targets=["gen-choice@letters"]))
    trained = [step.recipe for step in plan.steps.values() if step.kind.name == "train"]
    assert [one.tasks[0].task.likelihood.answers for one in trained] == ["texts", "letters"]
    assert {one.optimisation.collapse_patience for one in trained} == {3}
    assert [cell.intermediate for cell in plan.cells] == names


def test_own_prompts_and_shots_of_mmlu():
    task = get_task("mmmlu@likelihood")
    assert task.base is get_task("mmmlu")
    assert task.likelihood == Likelihood(**get_task("mmlu").prompt.model_dump())
    assert Prompt(**{name: getattr(task.likelihood, name) for name in Prompt.model_fields}) == get_task("mmlu").prompt
    assert task.trains_on == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"models": {"m": "mini"}},
            r"targets\[0\]: choice-likelihood needs a causal decoder; the model m is no decoder",
        ),
        ({"likelihood": {"x": {"question": "{premise}"}}}, r'likelihood\.x\.question: .*the field "premise"'),
        ({"likelihood": {"x": {"question": "{prompt"}}}, r"likelihood\.x\.question: is no template"),
        ({"likelihood": {"x": {"description": "{prompt!r}"}}}, r"likelihood\.x\.description: .*a format"),
        ({"likelihood": {"x": {"description": "{0}"}}}, r'likelihood\.x\.description: .*the field "0"'),
        ({"likelihood": {"x": {"shots": -1}}}, r"likelihood\.x\.shots: "),
        ({"likelihood": {"x": {"shots": True}}}, r"likelihood\.x\.shots: "),
        ({"likelihood": {"x": {"shot": 5}}}, r'likelihood\.x\.shot: unknown field; did you mean "shots"'),
        ({"likelihood": {"x": {"normalise": "words"}}}, r"likelihood\.x\.normalise: "),
        ({"likelihood": {"two": {}}}, r"likelihood\.two: TASK@two means the language of that code"),
        ({"likelihood": {"first-visible": {}}}, r"likelihood\.first-visible: TASK@first-visible means where a tag"),
        ({"likelihood": {"a@b": {}}}, r'likelihood\.a@b: "a@b" has "@"'),
        (
            {"likelihood": {"x": {"answers": "letters"}}, "targets": ["gen-choice@x"]},
            r"targets\[0\]: gen-choice@x scores letters, and its question shows no {choices}",
        ),
        (
            {"likelihood": {"x": {"shots_in": "own"}}, "targets": ["gen-choice@x"]},
            r"targets\[0\]: gen-choice@x has shots_in: own and no shots",
        ),
        (
            {"likelihood": {"x": {"shots": 2, "shots_in": "own"}}, "targets": ["gen-choice@x"]},
            r"data: gen-choice@x: shots_in: own, and gen-choice has no dev rows in two",
        ),
        ({"targets": ["gen-nli@likelihood"]}, r"targets\[0\]: .*gen-nli has no choices, whose likelihood"),
        ({"targets": ["gen-choice@likelyhood"]}, r'did you mean "gen-choice@likelihood"'),
        (
            {"targets": [{"task": "gen-choice@likelihood", "train_on": "gen-choice"}]},
            r"targets\[0\]: .*one is read by likelihood; write @likelihood of both, or of none",
        ),
        (
            {"targets": ["gen-choice@likelihood"], "training": {"gen-choice": {"steps": 3, "max_length": 999}}},
            r"training\.gen-choice@likelihood\.max_length: 999 subwords, but the model has 130 positions",
        ),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_what_cannot_be_is_said_in_one_line_while_planning(sweep_file, fields, said):
    file = sweep_file(**{**DECODER, "targets": ["gen-choice@likelihood"], **fields})
    with pytest.raises(WrongSpec, match=said) as error:
        plan_of(file)
    assert all(len(line) <= 300 for line in error.value.lines)
