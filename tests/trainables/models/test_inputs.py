"""How texts become sequences: by the tokenizer that a model brings, whatever its architecture."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast

import trainables
from tests.conftest import SHAPE
from trainables.failure import kind_of
from trainables.models.backbones import UnsupportedModel, get_backbone_type
from trainables.models.inputs import InputEncoder, load_input_encoder, marks_words
from trainables.models.loading import load_backbone, load_tokenizer
from trainables.models.tokenizer_files import WrongTokenizer, read_tokenizer
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.recipe.tasks import TaskSpec
from trainables.store import MODEL
from trainables.task_types import get_task_type
from trainables.task_types.offsets import located


@pytest.fixture
def model(world, tmp_path):
    """Makes a model directory: an architecture with XLM-R's tokenizer; gives its source and where it lies."""

    def make(model_type, **fields):
        folder = tmp_path / "model"
        shutil.copytree(world.store.path(world.scratch().tokenizer) / MODEL, folder)
        fields = {**SHAPE, "vocab_size": 300, **fields}
        AutoModel.from_config(AutoConfig.for_model(model_type, **fields)).save_pretrained(folder)
        return LocalModel(sha256="0" * 64), Execution(model_paths={"0" * 64: str(folder)}), folder

    return make


def test_bert_with_the_tokenizer_of_xlmr_reads_its_sequences(model, world):
    """As Multilingual-MiniLM and multilingual E5 are made."""
    source, execution, folder = model("bert", initializer_range=0.2)
    encoder = load_input_encoder(source, world.store, execution)
    a, b = encoder.subwords(["fires veki", "runin"])
    (pair,) = encoder("fires veki", "runin")
    assert pair == encoder.join(a, b)
    assert pair == {"input_ids": [0, *a, 2, 2, *b, 2], "token_type_ids": [0] * (len(a) + len(b) + 4)}
    backbone = load_backbone(source, world.store, execution)
    backbone.model.eval()
    plain = AutoTokenizer.from_pretrained(folder)(["fires veki"], ["runin"], return_tensors="pt")
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval()(**plain).last_hidden_state
        found = backbone.encode(get_task_type("retrieval").modeling().collate([pair], 1)).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-5)


def byte_fallback():
    """A tokenizer of mmBERT's kind: BPE that puts no space sign before a text, `<bos> A <eos> B <eos>`."""
    raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    raw.normalizer, raw.pre_tokenizer = normalizers.Replace(" ", "▁"), pre_tokenizers.Split("▁", "merged_with_next")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    raw.train_from_iterator(["der hund läuft schnell", "ein hund bellt"] * 9, trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> $B <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    names = {"pad": "pad", "eos": "eos", "bos": "bos", "unk": "unk", "mask": "mask", "cls": "bos", "sep": "eos"}
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, **{f"{role}_token": f"<{token}>" for role, token in names.items()}
    )


def test_a_tokenizer_that_marks_no_beginning_reads_words_as_in_running_text():
    encoder = InputEncoder(byte_fallback(), get_backbone_type("modernbert").layout)
    a, b = encoder.subwords(["der hund", "läuft ☃"])
    assert encoder("der hund", "läuft ☃") == [{"input_ids": [2, *a, 1, *b, 1]}] == [encoder.join(a, b)]
    task = TaskSpec(name="t", version=1, type="tagging", source="files", labels=("X",))
    tokens = ["der", "hund", "läuft", "schnell"]
    rows = Dataset.from_dict({"id": ["0"], "tokens": [tokens], "tags": [["X"] * 4]})
    (feature,) = get_task_type("tagging").modeling().encode(rows, encoder, task, 64)
    assert [{"input_ids": feature["input_ids"]}] == encoder(" ".join(tokens))
    (hund,) = encoder.subwords(["der"])
    assert feature["words"][:2] == [1, 1 + len(hund)]


def test_the_tokenizers_of_others_mark_words_themselves(world):
    assert marks_words(load_tokenizer(world.tokenizer(), world.store, Execution()))
    assert marks_words(AutoTokenizer.from_pretrained(Path(trainables.__file__).parent / "models" / "mini"))


def llama_like():
    """SentencePiece's BPE as LLaMA has it: a space sign before a text, bytes for the unknown, `<s> A`, no padding."""
    raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=290, special_tokens=special, show_progress=False)
    raw.train_from_iterator(["der hund läuft", "ein hund bellt"] * 9, trainer)
    raw.pre_tokenizer = None
    raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def qwen_like():
    """BPE of bytes as Qwen has it: spaces belong to the word behind them, and nothing is put around a text."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder, raw.post_processor = decoders.ByteLevel(), processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(["der hund läuft", "ein hund bellt"] * 9, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|endoftext|>")


@pytest.mark.parametrize(("make", "model_type"), [(llama_like, "llama"), (qwen_like, "qwen3")])
def test_a_decoder_reads_texts_that_end_and_words_at_their_last_subword(make, model_type, tmp_path):
    make().save_pretrained(tmp_path)
    tokenizer = read_tokenizer(str(tmp_path), None)
    encoder = InputEncoder(tokenizer, get_backbone_type(model_type).layout)
    begin, end = ([tokenizer.bos_token_id] if model_type == "llama" else []), tokenizer.eos_token_id
    a, b = encoder.subwords(["der hund", "läuft ☃"])
    assert encoder("der hund") == [{"input_ids": [*begin, *a, end]}] == [encoder.join(a)]
    assert encoder("der hund", "läuft ☃") == [{"input_ids": [*begin, *a, end, *b, end]}] == [encoder.join(a, b)]
    assert tokenizer("der hund")["input_ids"] == [*begin, *a]  # what is given stays: a prompt goes on
    assert tokenizer.pad_token_id == end
    task = TaskSpec(name="t", version=1, type="tagging", source="files", labels=("X",))
    tokens = ["der", "hund", "läufts", "☃"]
    rows = Dataset.from_dict({"id": ["0"], "tokens": [tokens], "tags": [["X"] * 4]})
    (feature,) = get_task_type("tagging").modeling().encode(rows, encoder, task, 64)
    assert [{"input_ids": feature["input_ids"]}] == encoder(" ".join(tokens))
    ends = [0, *(place + 1 for place in feature["words"])]
    ids = feature["input_ids"][len(begin) :]
    words = [ids[start - (len(begin) if start else 0) : stop - len(begin)] for start, stop in pairwise(ends)]
    assert [tokenizer.decode(word).strip(" ▁") for word in words] == tokens
    first = task.model_copy(update={"label_position": "first-visible"})
    (other,) = get_task_type("tagging").modeling().encode(rows, encoder, first, 64)
    assert other["words"] != feature["words"]
    span = located(["der hund läufts ☃"], encoder.tokenizer)[0].covering(9, 15)
    assert tokenizer.decode(encoder.subwords(["der hund läufts ☃"])[0][span[0] : span[1] + 1]).strip(" ▁") == "läufts"


@pytest.mark.parametrize(
    ("model_type", "fields", "message"),
    [
        ("bert", {"vocab_size": 90}, r"has \d+ subwords, and its model knows 90"),
        ("xlm-roberta", {"pad_token_id": 0}, "pads with 1, and its model counts positions by the padding 0"),
    ],
)
def test_a_tokenizer_of_another_model_is_refused(model, world, model_type, fields, message):
    source, execution, _ = model(model_type, **fields)
    with pytest.raises(WrongTokenizer, match=f"model: its tokenizer {message}; give a model") as caught:
        load_input_encoder(source, world.store, execution)
    assert kind_of(caught.value) == "settled"
    assert "\n" not in str(caught.value)


def test_a_configuration_without_sizes_is_refused(model, world):
    source, execution, folder = model("xlm-roberta")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "pad_token_id": None}))
    with pytest.raises(UnsupportedModel, match="model has no shape that a xlm-roberta model can have"):
        load_input_encoder(source, world.store, execution)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"template": "pair"}, "gives .* for texts of which alone it gives"),
        ({"pad_token": None}, "has no token to pad with"),
        ({"segments": 7}, r"gives a pair the segments \(0, 7\), and its model knows 2"),
    ],
)
def test_a_tokenizer_that_no_encoder_can_read_is_refused(model, world, change, message):
    source, execution, folder = model("bert")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    template = tokenizer["post_processor"]
    if "template" in change:  # the first text stands twice
        template["pair"].insert(2, {"Sequence": {"id": "A", "type_id": 0}})
    if "segments" in change:
        template["pair"] = [
            {kind: {**one, "type_id": change["segments"] if one["id"] == "B" else 0} for kind, one in part.items()}
            for part in template["pair"]
        ]
    if "pad_token" in change:
        del config["pad_token"], config["eos_token"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(WrongTokenizer, match=message):
        load_input_encoder(source, world.store, execution)
