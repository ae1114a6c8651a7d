"""Causal LM: by the model's own output embeddings, beside a task or alone, and the same numbers however it is run."""

from __future__ import annotations

import math

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.trainables.models.backbones.test_every_backbone import DROPOUT, WorldOf, copy_of, same
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import Selection
from trainables.store import MODEL
from trainables.task_types import get_task_type


@pytest.fixture(scope="module", params=["llama", "gemma3_text"])
def decoder(request, tmp_path_factory):
    """A world of a decoder: LLaMA's output embeddings are its own, Gemma's are its table of subwords."""
    return WorldOf(tmp_path_factory.mktemp("store"), request.param)


def objective(world, recipe, **part):
    """`recipe` with causal LM on text in the place of its last task."""
    spec = world.spec("gen-text").model_copy(update={"type": "causal-lm"})
    rows = (*world.rows("gen-text", "train", "one", "two"), *world.rows("gen-text", "dev", "one"))
    data = DataRecipe(task=spec, rows=rows, tokenizer=world.tokenizer(), max_length=32)
    text = recipe.tasks[-1].model_copy(update={"task": spec, "data": (world.do(data),), **part})
    return recipe.model_copy(update={"tasks": (*recipe.tasks[:-1], text)})


def output(world, step):
    weights = load_file(world.store.path(step) / MODEL / "model.safetensors")
    return weights.get("lm_head.weight", weights.get("embed_tokens.weight"))


@pytest.mark.deepspeed
def test_beside_a_task_the_numbers_are_the_same_however_it_is_run(decoder, tmp_path):
    recipe = objective(decoder, decoder.together("gen-nli", beside=("gen-tags",), steps=6, **DROPOUT), head="text")
    plain = copy_of(decoder, tmp_path, "plain")
    decoder.do(recipe, Execution(log_every=1, zero_stage=0, micro_batch_tokens=100_000), store=plain)
    for stage, tokens in ((1, 100), (2, 200), (3, 100)):
        store = copy_of(decoder, tmp_path, f"zero-{stage}")
        decoder.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        same(plain, store, recipe.id)


@pytest.mark.deepspeed
def test_it_learns_by_its_own_output_embeddings_which_nothing_else_trains(decoder):
    before = load_backbone(decoder.start(), decoder.store, Execution())
    tied = not before.output_embeddings
    first = dict(before.model.named_parameters())["embed_tokens.weight" if tied else "lm_head.weight"]
    recipe = decoder.train("gen-nli", weight_decay=0.5)
    decoder.do(recipe)
    assert torch.equal(output(decoder, recipe.id), first) is not tied
    select = Selection(metrics=("loss",), mode="min")
    recipe = decoder.train("gen-nli", start=CheckpointRef(step=recipe.id), steps=30, evaluate_every=15)
    recipe = objective(decoder, recipe, select=select, head="text")
    decoder.do(recipe)
    assert not torch.equal(output(decoder, recipe.id), first)
    dev = [one["loss"] for one in decoder.store.record(recipe.id)["result"]["dev"]]
    assert dev[-1] < dev[0] < math.log(500)


def test_its_loss_is_that_of_transformers(decoder, tmp_path):
    backbone = load_backbone(decoder.start(), decoder.store, Execution())
    backbone.model.eval()
    backbone.model.save_pretrained(tmp_path / "model")
    encoder = load_input_encoder(decoder.start(), decoder.store, Execution())
    rows = Dataset.from_dict(
        {"id": ["0", "1"], "text": ["fires veki runin", "nabur"], "translation": ["", "faron nabur"]}
    )
    causal = get_task_type("causal-lm").modeling()
    task = decoder.spec("gen-text").model_copy(update={"type": "causal-lm"})
    features = causal.encode(rows, encoder, task, 32)
    bos, eos = encoder.tokenizer.bos_token_id, encoder.tokenizer.eos_token_id
    (a,), (b,), (c,) = (encoder.subwords([text]) for text in ("fires veki runin", "nabur", "faron nabur"))
    assert [one["input_ids"] for one in features] == [[bos, *a, eos], [bos, *b, eos, *c, eos]]
    batch = causal.collate(features, encoder.tokenizer.pad_token_id)
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)  # transformers shifts them
    with torch.no_grad():
        expected = whole(batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        head = causal.head(backbone, task, 0.0)
        loss = causal.loss(head(backbone.encode(batch), batch), batch) / causal.num_loss_terms(features)
    assert torch.allclose(loss, expected, atol=1e-5)
