"""SentencePiece files without `tokenizer.json`: the subwords are those of SentencePiece itself."""

from __future__ import annotations

import json
import shutil

import pytest
import sentencepiece
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoTokenizer

from tests.conftest import SHAPE, LocalWorld
from trainables.data.prepare import load_split
from trainables.failure import kind_of
from trainables.models.backbones import get_backbone_type
from trainables.models.inputs import InputEncoder, load_input_encoder
from trainables.models.tokenizer_files import WrongTokenizer, read_tokenizer
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, HubModel
from trainables.store import MODEL, Store
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.models import locked, pull_model

TEXT = [
    "fires veki runin nabur faron",
    "der Hund läuft schnell über die Straße",
    "finance ABC 123 1⁄2 x2, yes! no? (so: it)",
    "これは テスト です 、 日本",
    "c'est l'été à Paris, n'est-ce pas?",
    "हिन्दी भाषा है",
    "مرحبا بالعالم",
]
PIECES = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
BYTES = {
    "model_type": "bpe",
    "vocab_size": 400,
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
}
GEMMA = {"pad_piece": "<pad>", "bos_piece": "<bos>", "eos_piece": "<eos>", "add_dummy_prefix": False}
KINDS = {
    "xlm-roberta": ("sentencepiece.bpe.model", {}),
    "bert": ("sentencepiece.bpe.model", {}),
    "deberta-v2": ("spm.model", {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, **PIECES}),
    "mt5": ("spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
    "umt5": ("spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
    "llama": ("tokenizer.model", BYTES),
    "gemma3_text": ("tokenizer.model", {**BYTES, **GEMMA, "pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3}),
}
"""Architecture: its SentencePiece file, and the ids of special pieces with which those of its kind were trained."""
SIZES = {**SHAPE, "d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 2, "num_heads": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model directory of each kind: configuration, weights, and a SentencePiece file alone."""
    root = tmp_path_factory.mktemp("models")
    (root / "text").write_text("\n".join(TEXT * 20))
    made = {}
    for model_type, (file, ids) in KINDS.items():
        folder = made[model_type] = root / model_type
        folder.mkdir()
        sentencepiece.SentencePieceTrainer.train(
            input=str(root / "text"),
            model_prefix=str(folder / "m"),
            hard_vocab_limit=False,
            minloglevel=2,
            **{"vocab_size": 150, **ids},
        )
        (folder / "m.model").rename(folder / file)
        (folder / "m.vocab").unlink()
        config = AutoConfig.for_model(model_type, **SIZES, vocab_size=500)
        modeling = get_backbone_type(model_type).modeling()
        torch.manual_seed(1)
        modeling.auto_class.from_config(config, **modeling.load_options).save_pretrained(folder)
    return made


@pytest.fixture(scope="module", params=KINDS)
def kind(request, folders):
    """(tokenizer, SentencePiece itself, what XLM-R adds to its ids) of each kind."""
    folder = folders[request.param]
    file = KINDS[request.param][0]
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / file))
    return read_tokenizer(str(folder), None), processor, int(file == "sentencepiece.bpe.model")


def subwords_of(processor, shift, text):
    """XLM-R has its special tokens in another order than SentencePiece, and one more, so ids are shifted by one."""
    return [3 if shift and one == processor.unk_id() else one + shift for one in processor.encode(text)]


def test_the_subwords_are_those_of_sentencepiece(kind):
    tokenizer, processor, shift = kind
    for text in (
        *TEXT,
        "ＡＢＣ ﬁnance  two  spaces ½",
        "x² 123 ß ",
        "日本，これ。",
        "e\u0301te\u0301 ☃ here",
        "Straße　läuft",
        # Before a text a blank is a second sign for SentencePiece, and none for transformers' LLaMA.
        *([" x² 123 ß "] if type(tokenizer).__name__ != "LlamaTokenizer" else []),
    ):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == subwords_of(processor, shift, text), text
    assert tokenizer.is_fast


@pytest.mark.parametrize("said", [None, {}, {"add_bos_token": False}])
@pytest.mark.parametrize("model_type", ["llama", "gemma3_text"])
def test_a_decoder_has_its_beginning_of_text_unless_its_files_say_no(folders, tmp_path, model_type, said):
    folder = tmp_path / "model"
    shutil.copytree(folders[model_type], folder)
    if said is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(said))
    tokenizer = read_tokenizer(str(folder), None)
    begins = [] if said and not said["add_bos_token"] else [KINDS[model_type][1].get("bos_id", 1)]
    alone = tokenizer("der Hund", add_special_tokens=False)["input_ids"]
    assert tokenizer("der Hund")["input_ids"] == [*begins, *alone]
    assert len(alone) == len(tokenizer.tokenize("der Hund"))


def test_of_any_text(kind):
    """Without combining marks behind letters that have another normal form: there tokenizers looks at both together."""
    tokenizer, processor, shift = kind

    @given(st.text(st.sampled_from("aeßé ０ＡｆＦ①½ﬁ㍿、。，でहसमر"), max_size=12))
    def check(text):
        # White space at the edges is dropped by some and is a bare space sign to others.
        text = text.strip()
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == subwords_of(processor, shift, text)

    check()


def test_what_is_saved_is_loaded_by_anyone(kind, tmp_path):
    tokenizer, _, _ = kind
    tokenizer.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").exists()
    for again in (AutoTokenizer.from_pretrained(tmp_path), read_tokenizer(str(tmp_path), None)):
        for text in ("ＡＢＣ ﬁnance ½", "日本，これ。", "der Hund"):
            assert again(text, text)["input_ids"] == tokenizer(text, text)["input_ids"]
        assert (again.pad_token_id, again.mask_token_id) == (tokenizer.pad_token_id, tokenizer.mask_token_id)


def test_a_class_that_loses_the_normal_forms_of_tokenizer_json_is_mended(folders, tmp_path):
    """As an mDeBERTa that was saved by another: transformers builds the tokenizer anew, without them."""
    tokenizer = read_tokenizer(str(folders["deberta-v2"]), None)
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config["tokenizer_class"] = "DebertaV2Tokenizer"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    shutil.copy(folders["deberta-v2"] / "config.json", tmp_path)
    assert read_tokenizer(str(tmp_path), None)("ＡＢＣ")["input_ids"] == tokenizer("ＡＢＣ")["input_ids"]


@pytest.mark.deepspeed
@pytest.mark.parametrize("model_type", ["xlm-roberta", "deberta-v2"])
def test_it_trains_and_its_checkpoint_reads_the_same(folders, tmp_path, model_type):
    world = LocalWorld(tmp_path / "store", folders[model_type])
    recipe = world.train("gen-nli", steps=2, evaluate_every=2)
    world.do(recipe)
    reference = CheckpointRef(step=recipe.id)
    assert (world.store.path(recipe.id) / MODEL / "tokenizer.json").exists()
    before = load_input_encoder(world.start(), world.store, world.execution())
    after = load_input_encoder(reference, world.store, Execution())
    for text in ("ＡＢＣ ﬁnance ½", "日本，これ。"):
        assert after(text, "der Hund") == before(text, "der Hund")
    evaluation = world.evaluation("gen-nli", reference, "two")
    world.do(evaluation)
    features, _ = load_split(world.store, evaluation.data, "test-two")
    assert len(features)


def test_a_model_of_the_hub_is_read_without_a_network(folders, hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    folder = folders["deberta-v2"]
    hub.files["owner/name"] = {file.name: file.read_bytes() for file in folder.iterdir()}
    hub.pin("owner/name", "main", hub.commit)
    pull_model("owner/name", hub.commit)
    hub.server.shutdown()
    hub.server.server_close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    source = HubModel(hub="owner/name", revision=hub.commit)
    encoder = load_input_encoder(source, Store(str(tmp_path / "store")), Execution())
    assert encoder("ＡＢＣ", "der Hund") == InputEncoder(read_tokenizer(str(folder), None), encoder.layout)(
        "ABC", "der Hund"
    )


def nothing(folder):
    (folder / "sentencepiece.bpe.model").unlink()


def rubbish(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def broken(folder):
    (folder / "tokenizer.json").write_text("{}")


def others(folder):
    nothing(folder)
    (folder / "vocab.txt").write_text("a\nb\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (nothing, r"it has no tokenizer \(tokenizer.json, sentencepiece.bpe.model, "),
        (rubbish, r"its sentencepiece.bpe.model (cannot be read|gives no subwords)"),
        (broken, "its tokenizer.json cannot be read"),
        (others, "its vocab.txt gives no subwords to its tokenizer"),
    ],
)
def test_files_that_give_no_tokenizer_are_refused_in_a_line(folders, tmp_path, damage, message):
    folder = tmp_path / "model"
    shutil.copytree(folders["xlm-roberta"], folder)
    damage(folder)
    with pytest.raises(WrongTokenizer, match=f"model: {message}.*save one there") as caught:
        read_tokenizer(str(folder), None)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300
    assert kind_of(caught.value) == "settled"


def test_a_licence_that_was_not_accepted_is_one_line_with_the_page(hub):
    hub.files["owner/gated"] = {"config.json": b"{}"}
    hub.pin("owner/gated", "main", hub.commit)
    hub.gated.add("owner/gated")
    with pytest.raises(DataError, match=r"accept its licence at https://huggingface\.co/owner/gated, then") as caught:
        pull_model("owner/gated", hub.commit)
    assert locked("owner/gated", hub.commit) == str(caught.value)
    assert "\n" not in str(caught.value)
    hub.gated.clear()
    assert locked("owner/gated", hub.commit) is None
