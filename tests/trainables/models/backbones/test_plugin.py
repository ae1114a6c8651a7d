"""A kind of encoder from outside: one module, and nothing else of the project is touched."""

from __future__ import annotations

import importlib
import shutil
import sys

import pytest
import torch

from trainables.models.backbones import UnsupportedModel, registry, shape_of
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, RandomInit
from trainables.store import Store

TOY = {"model_type": "toy", "width": 32, "depth": 3, "span": 64}


@pytest.fixture
def toy(monkeypatch):
    """The plug-in, registered for the length of a test."""
    monkeypatch.setattr(registry, "_TYPES", dict(registry._TYPES))
    monkeypatch.delitem(sys.modules, "tests.plugins.toy_backbone", raising=False)
    return importlib.import_module("tests.plugins.toy_backbone")


@pytest.fixture
def toys(fresh, toy):
    """A world whose trainings start from a toy from nothing."""
    scratch = RandomInit(architecture=TOY, tokenizer=fresh.scratch(model_type="toy").tokenizer, seed=1)
    fresh.start = lambda: scratch
    fresh.tokenizer = lambda: CheckpointRef(step=scratch.tokenizer)
    return fresh


def test_without_the_plug_in_it_is_refused():
    with pytest.raises(UnsupportedModel, match='it is of type "toy"'):
        shape_of(TOY, "it", 500)


def test_its_shape_is_that_of_its_own_words(toys, toy):
    backbone = load_backbone(toys.start(), toys.store, Execution())
    assert isinstance(backbone.model, toy.ToyModel)
    assert (backbone.shape.layers, backbone.shape.hidden, backbone.shape.usable_positions) == (3, 32, 64)
    encoder = load_input_encoder(toys.start(), toys.store, Execution())
    assert backbone.shape.vocabulary == len(encoder.tokenizer)
    a, b = encoder.subwords(["fires", "veki"])
    sep = encoder.tokenizer.sep_token_id
    assert encoder("fires", "veki") == [{"input_ids": [*a, sep, *b, sep]}]


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-tags", "gen-qa", "gen-choice", "gen-ask", "gen-text"])
def test_it_trains_and_is_evaluated(toys, task):
    recipe = toys.train(task, dropout=0.1, attention_dropout=0.1)
    toys.do(recipe)
    assert toys.store.record(recipe.id)["result"]["best"] is not None
    if task == "gen-text":  # text is not evaluated; its model's vectors are
        task = "gen-pairs"
    evaluation = toys.evaluation(task, CheckpointRef(step=recipe.id), "two")
    toys.do(evaluation)
    assert toys.store.record(evaluation.id)["result"]["metrics"]["two"]


@pytest.mark.deepspeed
def test_it_learns(toys):
    recipe = toys.train("gen-nli", limit=8, steps=60, batch_size=8, evaluate_every=60, dropout=0.0)
    toys.do(recipe)
    (first, *_, last) = toys.store.record(recipe.id)["result"]["losses"]
    assert last[1] < 0.3 * first[1]


@pytest.mark.deepspeed
def test_zero_stage_3_leaves_its_numbers_as_they_are(toys, tmp_path):
    recipe = toys.train("gen-nli", dropout=0.1, attention_dropout=0.1)
    losses = []
    for stage, tokens in ((0, 100_000), (3, 100)):
        shutil.copytree(toys.store.root, tmp_path / f"zero-{stage}")
        store = Store(str(tmp_path / f"zero-{stage}"))
        toys.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        losses.append([loss for _, loss in store.record(recipe.id)["result"]["losses"]])
    assert losses[1] == pytest.approx(losses[0], abs=2e-5)


def test_the_vector_of_a_sentence_is_where_the_backbone_says(toys):
    backbone = load_backbone(toys.start(), toys.store, Execution())
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    batch = {"input_ids": torch.tensor([[7, 8, 9], [7, 9, 0]]), "attention_mask": mask}
    output = backbone.encode(batch)
    assert torch.equal(output.sentence[1], output.last_hidden_state[1, 1])
