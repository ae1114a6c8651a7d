"""Recipes: what is in a fingerprint, what is not, and that it stays so."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, TokenizerRecipe, TrainRecipe
from trainables.recipe.sampling import Mixture, Sampling
from trainables.recipe.tasks import Corpus, PoolingConfig, Selection, SplitRef, TaskSpec, TrainTask
from trainables.steps import read_recipe

NLI = TaskSpec(name="xnli", version=1, type="pair-classification", source="files", labels=("a", "b"))
ROWS = (SplitRef(split="train", language="en", revision="sha256:0"),)
TOKENIZER = TokenizerRecipe(corpora=(Corpus(task=NLI, rows=ROWS),), vocab_size=100)
DATA = DataRecipe(task=NLI, rows=ROWS, tokenizer=HubModel(hub="owner/name", revision="c0ffee"), max_length=128)
PART = TrainTask(task=NLI, data=(DATA.id,), head="xnli", select=Selection(metrics=("accuracy",)))
OTHER = TrainTask(task=NLI, data=("more",), head="more", select=None)
TRAIN = TrainRecipe(
    tasks=(PART,),
    start=HubModel(hub="owner/name", revision="c0ffee"),
    optimisation=Optimisation(epochs=2),
    seed=1,
)
EVALUATE = EvaluateRecipe(task=NLI, data=DATA.id, model=CheckpointRef(step=TRAIN.id), languages=("de", "sw"))

GOLDEN = {
    "tokenizer": "tokenizer-xnli-1e731d7c2ede2351",
    "data": "data-xnli-train-cadd3bb3bff0709a",
    "train": "train-xnli-seed1-8ec82fd6b3df606a",
    "evaluate": "evaluate-xnli-4b58ab27335f1832",
}


@pytest.mark.parametrize(
    ("name", "recipe"), [("tokenizer", TOKENIZER), ("data", DATA), ("train", TRAIN), ("evaluate", EVALUATE)]
)
def test_fingerprints_stay_what_they_are(name, recipe):
    # A change here orphans every store: raise the version of its recipe or task type on purpose, or mend the change.
    assert recipe.id == GOLDEN[name]


@pytest.mark.parametrize("recipe", [TOKENIZER, DATA, TRAIN, EVALUATE])
def test_a_recipe_reads_back_equal(recipe):
    again = read_recipe(recipe.model_dump(mode="json"))
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint


def changed(recipe, **update):
    return type(recipe)(**{**recipe.model_dump(), **update})


def with_part(**update):
    return changed(TRAIN, tasks=(PART.model_copy(update=update),))


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"tasks": (PART, OTHER)}, "several tasks need a sampling"),
        ({"sampling": Sampling()}, "one task has none"),
        ({"tasks": (OTHER,)}, "no task says what picks the checkpoint"),
        ({"tasks": (PART.model_copy(update={"share": 0.5}),)}, "without a share"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(update, message):
    with pytest.raises(ValueError, match=message):
        changed(TRAIN, **update)


def test_a_field_that_is_not_set_leaves_the_fingerprint_as_it_was():
    class Later(Optimisation):
        new: float | None = None

    now = {**TRAIN.model_dump(), "optimisation": {**TRAIN.optimisation.model_dump()}}

    class LaterTrain(TrainRecipe):
        optimisation: Later

    assert LaterTrain(**now).id == TRAIN.id
    now["optimisation"]["new"] = 1.0
    assert LaterTrain(**now).id != TRAIN.id


def test_every_field_of_a_recipe_changes_its_fingerprint():
    changes = [
        changed(TRAIN, seed=2),
        with_part(data=("other",)),
        with_part(mixture=Mixture(weights=(1.0,), alpha=0.5)),
        with_part(mixture=Mixture(weights=(1.0,), alpha=0.5, translations=0.5)),
        with_part(head="other"),
        changed(TRAIN, tasks=(PART, OTHER), sampling=Sampling()),
        changed(TRAIN, tasks=(PART, OTHER), sampling=Sampling(cap=10)),
        changed(TRAIN, tasks=(PART, OTHER), sampling=Sampling(temperature=2)),
        changed(TRAIN, tasks=(PART, OTHER.model_copy(update={"share": 0.5})), sampling=Sampling()),
        changed(TRAIN, start=LocalModel(sha256="0")),
        changed(TRAIN, start=CheckpointRef(step="x")),
        changed(TRAIN, start=RandomInit(architecture={"hidden_size": 8}, tokenizer="t", seed=1)),
        with_part(select=Selection(metrics=("accuracy",), mode="min")),
        with_part(task=NLI.model_copy(update={"version": 2})),
        with_part(task=NLI.model_copy(update={"scorer": "mlqa"})),
        changed(EVALUATE, precision="bf16"),
        changed(EVALUATE, task=NLI.model_copy(update={"vectors": PoolingConfig()})),
        changed(EVALUATE, task=NLI.model_copy(update={"vectors": PoolingConfig(layer=3)})),
    ]
    for field in Optimisation.model_fields:
        value = getattr(TRAIN.optimisation, field)
        unset = {"patience": 7, "min_gain": 0.5, "collapse_patience": 3, "reseed": 1}
        other = {"precision": "bf16", "epochs": 3.0, "steps": None, **unset}.get(field)
        if field == "steps":
            other_optimisation = Optimisation(steps=9)
        else:
            other = other if other is not None else value * 2
            other = min(other, 0.99) if field in ("adam_beta2",) else other
            other_optimisation = Optimisation(**{**TRAIN.optimisation.model_dump(), field: other})
            if other == value:
                other_optimisation = Optimisation(**{**TRAIN.optimisation.model_dump(), field: 0.5})
        changes.append(changed(TRAIN, optimisation=other_optimisation))
    prints = [recipe.fingerprint for recipe in (TRAIN, *changes)]
    assert len(set(prints)) == len(prints)


def test_execution_has_no_way_into_a_fingerprint():
    names = set(Execution.model_fields)

    def fields(model):
        for name, field in model.model_fields.items():
            yield name
            inner = field.annotation
            if isinstance(inner, type) and hasattr(inner, "model_fields"):
                yield from fields(inner)

    for recipe in (TokenizerRecipe, DataRecipe, TrainRecipe, EvaluateRecipe):
        # `data` of a recipe is a step, `data` of an execution is a folder: the only word they share.
        assert set(fields(recipe)) & names <= {"data"}


def test_needs_are_the_steps_a_recipe_builds_on():
    assert DATA.needs == ()
    assert TRAIN.needs == (DATA.id,)
    assert EVALUATE.needs == (DATA.id, TRAIN.id)
    scratch = RandomInit(architecture={}, tokenizer=TOKENIZER.id, seed=1)
    assert changed(TRAIN, start=scratch).needs == (DATA.id, TOKENIZER.id)


def test_unknown_fields_and_two_lengths_are_refused():
    with pytest.raises(ValidationError):
        changed(TRAIN, workers=2)
    with pytest.raises(ValidationError, match="either epochs or steps"):
        Optimisation(epochs=1, steps=5)
    with pytest.raises(ValidationError, match="either epochs or steps"):
        Optimisation()
    with pytest.raises(ValidationError, match="2 weights for 1 corpora"):
        TrainTask(**{**PART.model_dump(), "mixture": Mixture(weights=(1.0, 2.0), alpha=0.5)})
