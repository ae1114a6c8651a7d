"""Sweeps whose models are of different kinds: what the plan says of each of them."""

from __future__ import annotations

import copy

import pytest

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.recipe.recipes import EvaluateRecipe, TokenizerRecipe


def with_type(tiny, model_type):
    """The tiny sweep's model as one of another kind."""
    model = copy.deepcopy(tiny["models"]["small"])
    model["architecture"] |= {"model_type": model_type}
    return {"m": model}


def plan_of(file):
    return make_plan(read_spec(file), str(file))


def test_naming_the_default_kind_changes_no_step(sweep_file, tiny):
    said = plan_of(sweep_file(models={"small": with_type(tiny, "xlm-roberta")["m"]}))
    assert list(said.steps) == list(plan_of(sweep_file()).steps)


def test_another_kind_is_another_tokenizer_and_other_steps(sweep_file, tiny):
    bert, xlmr = plan_of(sweep_file(models=with_type(tiny, "bert"))), plan_of(sweep_file())
    assert not bert.steps.keys() & xlmr.steps.keys()
    (tokenizer,) = (step.recipe for step in bert.steps.values() if isinstance(step.recipe, TokenizerRecipe))
    assert tokenizer.model_type == "bert"


@pytest.mark.parametrize(("model_type", "positions"), [("xlm-roberta", 128), ("bert", 130)])
def test_all_positions_that_a_kind_has_are_used_and_no_more(sweep_file, tiny, model_type, positions):
    models = with_type(tiny, model_type)
    plan = plan_of(sweep_file(models=models, training={"all": {"steps": 2, "max_length": positions}}))
    retrieval = [step.recipe for step in plan.steps.values() if isinstance(step.recipe, EvaluateRecipe)]
    lengths = {plan.steps[recipe.data].recipe.max_length for recipe in retrieval if recipe.task.name == "gen-pairs"}
    assert lengths == {positions}
    with pytest.raises(WrongSpec, match=rf"{positions + 1} subwords, but the model has {positions} positions"):
        plan_of(sweep_file(models=models, training={"all": {"steps": 2, "max_length": positions + 1}}))


@pytest.mark.deepspeed
def test_a_sweep_of_a_bert_from_nothing_runs_to_its_end(tiny, here, tmp_path):
    _, plan, store = here({**tiny, "models": with_type(tiny, "bert")}, tmp_path)
    for cell in plan.cells:
        for variant in cell.variants:
            assert store.record(variant.evaluation)["result"]["metrics"]
