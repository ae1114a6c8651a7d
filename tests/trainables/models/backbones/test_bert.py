"""A tiny BERT with a real WordPiece tokenizer goes through all that XLM-R goes through, with segments of its own."""

from __future__ import annotations

import datasets
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, BertTokenizer

from tests.conftest import SHAPE, LocalWorld
from trainables.data.prepare import read_rows
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.tasks import TaskSpec
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
    texts = [row for one in rows for row in read_rows(text, one, Execution()).examples["text"]]
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


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.deepspeed
def test_segments_move_vectors(bert, encoder):
    backbone = load_backbone(bert.start(), bert.store, bert.execution())
    backbone.model.eval()
    batch = get_task_type("pair-classification").modeling().collate([{**encoder("fires", "veki")[0], "label": 0}], PAD)
    assert batch["token_type_ids"].any()
    without = {**batch, "token_type_ids": torch.zeros_like(batch["token_type_ids"])}
    with torch.no_grad():
        assert not torch.allclose(backbone.encode(without).sentence, backbone.encode(batch).sentence, atol=1e-3)


@pytest.mark.deepspeed
@pytest.mark.parametrize("task", ["gen-text", "gen-tags", "gen-qa", "gen-ask"])
def test_every_task_type_trains(bert, task):
    recipe = bert.train(task, **DROPOUT)
    bert.do(recipe)
    assert bert.store.record(recipe.id)["result"]["steps"] == 6


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
