"""Training by LoRA: the same numbers however it is executed, those of plain peft and torch, and what it leaves."""

from __future__ import annotations

import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from tests.trainables.steps.workers import by_two_workers
from trainables.models.loading import load_backbone
from trainables.models.lora import WrongAdapters, WrongTargets
from trainables.models.unreadable import WrongWeights
from trainables.recipe.adaptation import Adaptation, Lora
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store
from trainables.training.attempt import Attempt

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
LORA = Lora(rank=4, alpha=8, dropout=0.2, targets="all-linear")
FILES = (f"{MODEL}/adapter_model.safetensors", HEAD)


def by_lora(recipe, carried=None, **fields):
    adaptation = Adaptation(lora=LORA.model_copy(update=fields), carried=carried)
    return type(recipe).model_validate({**recipe.model_dump(), "adaptation": adaptation})


def copy_of(world, tmp_path, name):
    shutil.copytree(world.store.root, tmp_path / name)
    return Store(str(tmp_path / name))


def losses(store, step):
    return [loss for _, loss in store.record(step)["result"]["losses"]]


def equal(a, b, step):
    assert losses(a, step) == pytest.approx(losses(b, step), abs=2e-5)
    for name in FILES:
        here, there = load_file(a.path(step) / name), load_file(b.path(step) / name)
        assert here.keys() == there.keys()
        assert max(float((here[key] - there[key]).abs().max()) for key in here) < 2e-4


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-text"])
def test_no_execution_moves_a_number(world, tmp_path, task):
    """ZeRO stages, micro-batches, a trimmed vocabulary, and two workers with both; dropout before the adapters too."""
    recipe = by_lora(world.train(task, weight_decay=0.1, learning_rate=2e-2, **DROPOUT))
    plain = copy_of(world, tmp_path, "plain")
    world.do(recipe, Execution(log_every=1, zero_stage=0, trim_vocabulary=False), store=plain)
    assert len(set(losses(plain, recipe.id))) > 1
    for stage, tokens in ((0, 100), (1, 100_000), (2, 200), (3, 100)):
        store = copy_of(world, tmp_path, f"zero-{stage}")
        world.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        equal(store, plain, recipe.id)
    two = by_two_workers(recipe, copy_of(world, tmp_path, "two"), tmp_path, 3 if task == "gen-nli" else 1)
    equal(two, plain, recipe.id)


@pytest.mark.deepspeed
@pytest.mark.parametrize("stage", [0, 3])
def test_stopped_and_resumed_under_another_layout_it_gives_the_undisturbed_numbers(world, tmp_path, host, stage):
    recipe = by_lora(world.train("gen-nli", steps=8, evaluate_every=4, weight_decay=0.1, **DROPOUT))
    whole, cut = copy_of(world, tmp_path, "whole"), copy_of(world, tmp_path, "cut")
    world.do(recipe, Execution(log_every=1), store=whole)
    assert carry_out(recipe, Execution(log_every=1, zero_stage=3 - stage), cut, host(stop_after=5)) is False
    note, directory = cut.load_state(recipe.id)
    assert 0 < note["step"] < 8
    saved = [load_file(path) for path in (directory / note["name"]).glob("worker-*.safetensors")]
    assert all("lora_" in name or "/heads." in name for one in saved for name in one)  # the trained part alone
    world.do(recipe, Execution(log_every=1, zero_stage=stage, micro_batch_tokens=200), store=cut)
    equal(cut, whole, recipe.id)


@pytest.mark.deepspeed
def test_it_is_plain_peft_under_torchs_adamw(world):
    """The adapters that the seed draws, trained by a loop that anyone would write, end where ours end."""
    recipe = by_lora(world.train("gen-nli", dropout=0.0, attention_dropout=0.0, weight_decay=0.1), dropout=0.0)
    attempt = Attempt(recipe, Execution(zero_stage=0), world.store, world_tokenizer(world, recipe), 0, lambda: None)
    theirs, task = attempt.untrained(), attempt.tasks[0]
    trained = [one for one in theirs.parameters() if one.requires_grad]
    frozen = {name: one.detach().clone() for name, one in theirs.named_parameters() if not one.requires_grad}
    decay = [{"params": [p for p in trained if p.ndim > 1], "weight_decay": 0.1}]
    decay += [{"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(decay, betas=(0.9, 0.999), eps=1e-8)
    theirs.train()
    for step in range(attempt.steps):
        batch = attempt._batches.take(step)
        for group in adamw.param_groups:
            group["lr"] = attempt.rate(step)
        loss = sum(
            task.modeling.loss(theirs({**one.inputs, "rows": one.inputs.get("rows")}, "gen-nli"), one.inputs)
            * one.weight
            for one in batch.micro_batches
        )
        adamw.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, recipe.optimisation.clip)
        adamw.step()
    attempt.close()
    again = Attempt(recipe, Execution(zero_stage=0), world.store, attempt.tokenizer, 0, lambda: None)
    for step in range(again.steps):
        again.update(step)
    ours = again.engine.weights()
    expected = dict(theirs.kept_parameters())
    assert ours.keys() == expected.keys()
    assert any("lora_B" in name and weight.abs().max() > 1e-4 for name, weight in ours.items())
    assert max(float((ours[name] - expected[name].detach()).abs().max()) for name in ours) < 1e-5
    for name, parameter in again.engine.model.named_parameters():
        if name in frozen and parameter.shape == frozen[name].shape:
            assert torch.equal(parameter.detach(), frozen[name]), name
    again.close()


def world_tokenizer(world, recipe):
    from trainables.models.loading import load_tokenizer

    return load_tokenizer(recipe.start, world.store, Execution())


@pytest.mark.deepspeed
def test_what_it_leaves_opens_with_peft_and_gives_what_is_evaluated(world, tmp_path):
    recipe = by_lora(world.train("gen-nli", learning_rate=2e-2))
    evaluation = world.evaluation("gen-nli", recipe.checkpoint, "one")
    store = copy_of(world, tmp_path, "s")
    world.do(recipe, store=store)
    files = store.record(recipe.id)["files"]
    assert f"{MODEL}/model.safetensors" not in files
    base = load_backbone(recipe.start, store, Execution())
    opened = PeftModel.from_pretrained(base.model, store.path(recipe.id) / MODEL).eval()
    merged = load_backbone(recipe.checkpoint, store, Execution()).model.eval()
    ids = torch.randint(5, 200, (4, 9), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs, ours = (model(input_ids=ids).last_hidden_state for model in (opened, merged))
        untrained = load_backbone(recipe.start, store, Execution()).model.eval()(input_ids=ids).last_hidden_state
    assert torch.allclose(theirs, ours, atol=1e-5)
    assert not torch.allclose(theirs, untrained, atol=1e-3)
    assert all(parameter.requires_grad for parameter in merged.parameters())
    assert {recipe.id, recipe.start.tokenizer} < set(evaluation.needs)
    world.do(evaluation, store=store)


@pytest.mark.deepspeed
def test_what_crosses_from_phase_to_phase(world, tmp_path):
    """A target after an intermediate by LoRA, at a vanishing rate: it ends with the model that it began with."""
    world.train("gen-tags")
    store = copy_of(world, tmp_path, "s")
    first = by_lora(world.train("gen-nli", learning_rate=2e-2, **DROPOUT))
    world.do(first, store=store)
    began = load_backbone(first.checkpoint, store, Execution()).model.state_dict()
    still = {"learning_rate": 1e-12, "weight_decay": 0.0}
    second = world.train("gen-tags", start=first.checkpoint, **still)
    ways = {"merged": by_lora(second), "carried": by_lora(second, carried=True), "full": second}
    assert len({one.id for one in ways.values()}) == 3
    for name, recipe in ways.items():
        world.do(recipe, store=store)
        assert set(recipe.needs) >= {first.id, first.start.tokenizer}
        ended = load_backbone(recipe.checkpoint, store, Execution()).model.state_dict()
        assert ended.keys() == began.keys()
        assert max(float((ended[key] - began[key]).abs().max()) for key in ended) < 1e-6, name
    assert ways["merged"].checkpoint.over == first.checkpoint
    assert ways["carried"].checkpoint.over == first.start
    kept, new = (load_file(store.path(ways[name].id) / FILES[0]) for name in ("carried", "merged"))
    was = load_file(store.path(first.id) / FILES[0])
    assert all(torch.allclose(kept[key], was[key], atol=1e-6) for key in was)
    assert all(bool((new[key] == 0).all() or float(new[key].abs().max()) < 1e-6) for key in new if "lora_B" in key)
    store.drop_weights(first.id)  # without what they lie on, adapters are nothing
    with pytest.raises(WrongWeights, match="were dropped"):
        load_backbone(ways["merged"].checkpoint, store, Execution())


@pytest.mark.deepspeed
def test_what_cannot_be_done_is_one_line(world, tmp_path):
    recipe = world.train("gen-nli")
    world.train("gen-tags")
    store = copy_of(world, tmp_path, "s")
    for targets, said in ((("qurey",), 'did you mean "query"'), (("query", "embeddings"), '"embeddings" matches no')):
        with pytest.raises(WrongTargets, match=said) as wrong:
            world.do(by_lora(recipe, targets=targets), store=store)
        assert len(str(wrong.value)) <= 300
    with pytest.raises(ValueError, match="no adapters to be carried on"):
        by_lora(recipe, carried=True)
    done = by_lora(recipe)
    world.do(done, store=store)
    other = by_lora(world.train("gen-tags", start=done.checkpoint), carried=True, rank=2)
    with pytest.raises(WrongAdapters, match="not the adapters of this model"):
        world.do(other, store=store)
    with pytest.raises(WrongWeights, match="holds low-rank adapters alone"):
        load_backbone(CheckpointRef(step=done.id), store, Execution())
    file = store.path(done.id) / FILES[0]
    size = file.stat().st_size
    file.write_bytes(b"\0" * size)
    with pytest.raises(WrongAdapters, match="cannot be read"):
        load_backbone(done.checkpoint, Store(store.root), Execution())
