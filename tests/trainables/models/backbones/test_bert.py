"""A tiny BERT with a real WordPiece tokenizer goes through all that XLM-R goes through, with segments of its own."""

from __future__ import annotations

import json
import shutil

import datasets
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizer

from tests.conftest import SHAPE, LocalWorld
from tests.trainables.steps.workers import run_workers
from trainables.data.prepare import load_split, read_rows
from trainables.evaluation.inference import infer
from trainables.models.artifact import export_model
from trainables.models.inputs import WrongTokenizer, load_input_encoder
from trainables.models.loading import load_backbone
from trainables.models.task_model import load_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, LocalModel
from trainables.recipe.recipes import DataRecipe, PoolingConfig, Selection, TaskSpec
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store, hash_model_dir
from trainables.task_types import get_task_type
from trainables.tasks import get_task

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}


def wordpiece(texts):
    """BERT's tokenizer, its pieces learnt from `texts`."""
    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer()
    raw.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL))
    return BertTokenizer(vocab=raw.get_vocab(), do_lower_case=False)


@pytest.fixture(scope="module")
def bert(tmp_path_factory, world):
    """A world whose trainings start from a random BERT with 512 positions, in a directory."""
    folder = tmp_path_factory.mktemp("bert")
    text = get_task("gen-text").spec()
    rows = world.rows("gen-text", "train", "one", "two")
    texts = [row for one in rows for row in read_rows(text, one, Execution())[0]["text"]]
    tokenizer = wordpiece(texts)
    torch.manual_seed(1)
    model = BertModel(BertConfig(**{**SHAPE, "max_position_embeddings": 512}, vocab_size=len(tokenizer)))
    # What is untrained in a random model, and would hide a wrong segment or position.
    for table in (model.embeddings.token_type_embeddings, model.embeddings.position_embeddings):
        torch.nn.init.normal_(table.weight, std=0.5)
    tokenizer.save_pretrained(folder / "model")
    model.save_pretrained(folder / "model")
    return LocalWorld(folder / "store", folder / "model")


@pytest.fixture(scope="module")
def encoder(bert):
    return load_input_encoder(bert.start(), bert.store, bert.execution())


def copy_of(bert, tmp_path, name):
    shutil.copytree(bert.store.root, tmp_path / name)
    return Store(str(tmp_path / name))


def weights(store, step):
    return {**load_file(store.path(step) / MODEL / "model.safetensors"), **load_file(store.path(step) / HEAD)}


def losses(store, step):
    return [loss for _, loss in store.record(step)["result"]["losses"]]


# --- encoding --------------------------------------------------------------------------------------------------------


def encoded(encoder, task_type, columns, max_length=64, labels=()):
    task = TaskSpec(name="t", version=1, type=task_type, source="files", labels=labels)
    return get_task_type(task_type).modeling().encode(datasets.Dataset.from_dict(columns), encoder, task, max_length)


def pair(first, second):
    ids = [CLS, *first, SEP, *second, SEP]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 2) + [1] * (len(second) + 1)}


def inputs(feature):
    return {name: feature[name] for name in ("input_ids", "token_type_ids")}


def test_pairs_are_two_segments_in_every_task_type(encoder):
    a, b, c = encoder.subwords(["fires veki", "runin", "nabur faron"])
    (nli,) = encoded(
        encoder,
        "pair-classification",
        {"id": ["0"], "text_a": ["fires veki"], "text_b": ["runin"], "label": ["x"]},
        labels=("x",),
    )
    assert inputs(nli) == pair(a, b)
    columns = {"id": ["0", "1"], "text": ["fires veki"] * 2, "translation": ["runin", ""]}
    tlm, mlm = encoded(encoder, "masked-lm", columns)
    assert inputs(tlm) == pair(a, b)
    assert inputs(mlm) == {"input_ids": [CLS, *a, SEP], "token_type_ids": [0] * (len(a) + 2)}
    answers = [{"text": ["faron"], "answer_start": [6]}]
    (qa,) = encoded(
        encoder, "span-qa", {"id": ["0"], "question": ["runin"], "context": ["nabur faron"], "answers": answers}
    )
    assert inputs(qa) == pair(b, c)
    assert qa["first"] == len(b) + 2
    columns = {"id": ["0"], "prompt": ["fires veki"], "choices": [["runin", "nabur faron"]], "label": ["1"]}
    (choice,) = encoded(encoder, "multiple-choice", columns)
    one, two = pair(a, b), pair(a, c)
    assert inputs(choice) == {name: one[name] + two[name] for name in one}
    assert choice["lengths"] == [len(one["input_ids"]), len(two["input_ids"])]
    batch = get_task_type("multiple-choice").modeling().collate([choice], PAD)
    assert batch["token_type_ids"][1].tolist() == two["token_type_ids"]
    assert batch["token_type_ids"].shape == batch["input_ids"].shape == batch["attention_mask"].shape


def test_words_and_sentences_are_one_segment(encoder):
    columns = {"id": ["0"], "tokens": [["fires", "veki", "runin"]], "tags": [["N", "V", "N"]]}
    (tags,) = encoded(encoder, "tagging", columns, labels=("N", "V"))
    a, b, c = encoder.subwords(["fires", "veki", "runin"])
    assert inputs(tags) == {"input_ids": [CLS, *a, *b, *c, SEP], "token_type_ids": [0] * len(tags["input_ids"])}
    assert tags["words"] == [1, 1 + len(a), 1 + len(a) + len(b)]
    columns = {"id": ["0"], "text": ["fires veki"], "translation": ["runin"]}
    (ranked,) = encoded(encoder, "translation-ranking", columns)
    batch = get_task_type("translation-ranking").modeling().collate([ranked], PAD)
    assert batch["input_ids"][1, : len(c) + 2].tolist() == [CLS, *c, SEP]
    assert not batch["token_type_ids"].any()


def test_every_position_is_used(bert, encoder):
    columns = {"id": ["0"], "text_a": ["fires " * 600], "text_b": ["runin " * 600], "label": ["x"]}
    (feature,) = encoded(encoder, "pair-classification", columns, 512, labels=("x",))
    assert len(feature["input_ids"]) == 512 == len(feature["token_type_ids"])
    backbone = load_backbone(bert.start(), bert.store, bert.execution())
    assert backbone.shape.usable_positions == 512
    batch = get_task_type("pair-classification").modeling().collate([feature], PAD)
    with torch.no_grad():
        output = backbone.encode(batch).last_hidden_state
        # The last position counts, and there is none behind it.
        backbone.model.embeddings.position_embeddings.weight[511] += 1
        assert not torch.equal(backbone.encode(batch).last_hidden_state, output)
        with pytest.raises((IndexError, RuntimeError)):
            backbone.encode({name: value.repeat(1, 2)[:, :513] for name, value in batch.items() if name != "labels"})


def test_a_tokenizer_of_another_architecture_is_refused(bert, world, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(bert.model_paths[bert.model.sha256], folder)
    for file in (world.store.path(world.scratch().tokenizer) / MODEL).iterdir():
        shutil.copy(file, folder)
    model = LocalModel(sha256=hash_model_dir(folder))
    with pytest.raises(WrongTokenizer, match="mixed: its tokenizer gives"):
        load_input_encoder(model, bert.store, Execution(model_paths={model.sha256: str(folder)}))


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-nli", "gen-choice"])
def test_zero_stages_and_micro_batches_leave_the_numbers_as_they_are(bert, tmp_path, task):
    recipe = bert.train(task, **DROPOUT)
    plain = copy_of(bert, tmp_path, "plain")
    bert.do(recipe, bert.execution(log_every=1, zero_stage=0, micro_batch_tokens=100_000), store=plain)
    for stage, tokens in ((0, 100), (1, 100_000), (2, 200), (3, 100)):
        store = copy_of(bert, tmp_path, f"zero-{stage}-{tokens}")
        bert.do(recipe, bert.execution(log_every=1, zero_stage=stage, micro_batch_tokens=tokens), store=store)
        assert losses(store, recipe.id) == pytest.approx(losses(plain, recipe.id), abs=2e-5)
        a, b = weights(plain, recipe.id), weights(store, recipe.id)
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


@pytest.mark.deepspeed
def test_two_workers_give_the_numbers_of_one(bert, tmp_path):
    recipe = bert.train("gen-nli", **DROPOUT)
    one, two = copy_of(bert, tmp_path, "one"), copy_of(bert, tmp_path, "two")
    bert.do(recipe, bert.execution(log_every=1, zero_stage=0), store=one)
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    paths = f"model_paths={json.dumps(bert.model_paths)}"
    words = [str(file), "--store", two.root, "-x", "workers=2", "-x", "zero_stage=3", "-x", "log_every=1", "-x", paths]
    codes = run_workers([*words, "-x", "micro_batch_tokens=300"], 2, tmp_path / "log")
    assert codes == [0, 0], (tmp_path / "log").read_text()[-2000:]
    assert losses(two, recipe.id) == pytest.approx(losses(one, recipe.id), abs=2e-5)
    a, b = weights(one, recipe.id), weights(two, recipe.id)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


@pytest.mark.deepspeed
def test_stopping_and_going_on_is_equal_to_not_stopping(bert, tmp_path, host):
    recipe = bert.train("gen-nli", steps=12, evaluate_every=4, **DROPOUT)
    whole, cut = copy_of(bert, tmp_path, "whole"), copy_of(bert, tmp_path, "cut")
    bert.do(recipe, bert.execution(log_every=3), store=whole)
    assert carry_out(recipe, bert.execution(log_every=3), cut, host(stop_after=3)) is False
    assert carry_out(recipe, bert.execution(log_every=3), cut, host()) is True
    assert losses(cut, recipe.id) == losses(whole, recipe.id)
    a, b = weights(whole, recipe.id), weights(cut, recipe.id)
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="module")
def trained(bert):
    """The id of a training on pairs."""
    recipe = bert.train("gen-nli", steps=12, evaluate_every=4)
    bert.do(recipe)
    return recipe.id


@pytest.mark.deepspeed
def test_logits_are_those_of_transformers(bert, trained, tmp_path):
    evaluation = bert.evaluation("gen-nli", CheckpointRef(step=trained), "one")
    bert.do(evaluation)
    features, examples = load_split(bert.store, evaluation.data, "test-one")
    # As anyone would do it who has the checkpoint and transformers alone.
    export_model(trained, bert.store, tmp_path / "exported", half=False)
    model = AutoModel.from_pretrained(tmp_path / "exported").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "exported")
    sides = examples["text_a"][:8], examples["text_b"][:8]
    batch = tokenizer(*sides, truncation="longest_first", max_length=64, padding=True, return_tensors="pt")
    assert batch["token_type_ids"].any()
    head = load_file(bert.store.path(trained) / HEAD)
    with torch.no_grad():
        first = model(**batch).last_hidden_state[:, 0]
        dense = torch.tanh(first @ head["gen-nli.dense.weight"].T + head["gen-nli.dense.bias"])
        expected = dense @ head["gen-nli.out.weight"].T + head["gen-nli.out.bias"]
    task_type = get_task_type("pair-classification").modeling()
    ours = load_task_model(
        CheckpointRef(step=trained),
        "gen-nli",
        lambda backbone: task_type.head(backbone, evaluation.task, 0.0),
        "fp32",
        bert.store,
        bert.execution(),
    )
    with torch.no_grad():
        logits = ours(task_type.collate(features.select(range(8)).to_list(), PAD), "gen-nli")
    assert torch.allclose(logits, expected, atol=1e-5)
    # The segments are no decoration: without them the logits are others.
    without = {**batch, "token_type_ids": torch.zeros_like(batch["token_type_ids"])}
    with torch.no_grad():
        assert not torch.allclose(model(**without).last_hidden_state[:, 0], first, atol=1e-3)


@pytest.mark.deepspeed
def test_retrieval_reads_the_layer_that_is_asked_for(bert, trained):
    store = bert.store
    exported = AutoModel.from_pretrained(store.path(trained) / MODEL).eval()
    recipe = bert.evaluation("gen-pairs", CheckpointRef(step=trained), "two")
    features, _ = load_split(store, recipe.data, "test-two")
    rows = features.select(range(6)).to_list()
    task_type = get_task_type("retrieval").modeling()
    for layer in range(3):
        task = recipe.task.model_copy(update={"vectors": PoolingConfig(layer=layer)})
        model = load_task_model(
            recipe.model, task.name, lambda one, task=task: task_type.head(one, task, 0.0), "fp32", store, Execution()
        )
        vectors = infer(lambda batch, model=model: model(batch, "gen-pairs"), rows, task_type, PAD, 4096)
        for row, vector in zip(rows, vectors, strict=True):
            ids = torch.tensor([row["input_ids"]])
            with torch.no_grad():
                states = exported(input_ids=ids, output_hidden_states=True).hidden_states[layer]
            assert torch.allclose(torch.tensor(vector), states[0].mean(0), atol=1e-5)
    bert.do(recipe)
    assert store.record(recipe.id)["result"]["metrics"]["two"]["accuracy"] >= 0


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-text", "gen-tags", "gen-qa", "gen-ask"])
def test_every_task_type_trains(bert, task):
    recipe = bert.train(task, **DROPOUT)
    bert.do(recipe)
    assert bert.store.record(recipe.id)["result"]["steps"] == 6


@pytest.mark.deepspeed
def test_word_ranking_trains_the_embeddings_alone(bert, tmp_path):
    store = copy_of(bert, tmp_path, "s")
    rows = (*bert.rows("gen-text", "train", "two"), *bert.rows("gen-text", "dev", "two"))
    text = bert.train("gen-text")
    task = bert.spec("gen-text").model_copy(update={"type": "translation-ranking"})
    data = DataRecipe(task=task, rows=rows, tokenizer=bert.tokenizer(), max_length=64)
    bert.do(data, store=store)
    part = text.tasks[0].model_copy(
        update={
            "task": task.model_copy(update={"type": "word-ranking"}),
            "data": (data.id,),
            "select": Selection(metrics=("accuracy",)),
        }
    )
    recipe = text.model_copy(update={"tasks": (part,)})
    bert.do(recipe, store=store)
    after = load_file(store.path(recipe.id) / MODEL / "model.safetensors")
    before = load_backbone(bert.start(), store, bert.execution()).model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert all(name.startswith("embeddings.") for name in moved)


@pytest.mark.deepspeed
def test_a_bert_from_nothing_has_a_tokenizer_of_its_kind(fresh):
    start = fresh.scratch(model_type="bert")
    encoder = load_input_encoder(start, fresh.store, Execution())
    assert encoder.tokenizer.convert_tokens_to_ids(SPECIAL[:4]) == [PAD, UNK, CLS, SEP]
    assert encoder.tokenizer.mask_token_id == len(encoder.tokenizer) - 1
    assert encoder("fires", "veki") == [encoder.join(*encoder.subwords(["fires", "veki"]))]
    assert set(encoder("fires", "veki")[0]["token_type_ids"]) == {0, 1}
    fresh.start = lambda: start
    fresh.tokenizer = lambda: CheckpointRef(step=start.tokenizer)
    recipe = fresh.train("gen-nli")
    fresh.do(recipe)
    fresh.do(fresh.evaluation("gen-nli", CheckpointRef(step=recipe.id), "one"))
    assert type(load_backbone(CheckpointRef(step=recipe.id), fresh.store, Execution()).model) is BertModel
