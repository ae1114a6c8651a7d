"""GGUF files: their shape is told while planning, broken ones in a line; the real Gemma 3 270M where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.trainables.models.tiny_gguf import TOKENS, write
from trainables.models import converted
from trainables.models.backbones import UnsupportedModel, hub_shape, read_config, shape_of
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.store import Store, hash_model_dir
from trainables.store.copies import remove
from trainables.store.local import cache_dir


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))


def test_its_header_tells_the_shape(tmp_path):
    file = write(tmp_path / "model.gguf")
    for place in (file, tmp_path):  # the file, or a directory with it
        shape = shape_of(read_config(place / "config.json"), "it")
        assert (shape.layers, shape.hidden, shape.inner, shape.heads, shape.key_values) == (2, 32, 48, 4, 16)
        assert (shape.vocabulary, shape.usable_positions, shape.output) == (len(TOKENS), 128, 0)
    moved = tmp_path / "other.gguf"
    moved.write_bytes(file.read_bytes())
    assert hash_model_dir(moved) == hash_model_dir(file)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"architecture": "mamba"}, r'is of the GGUF architecture "mamba"; those that are read: llama'),
        ({"kind": np.int32}, r'"token_embd.weight" has the quantisation type 26; types that are read: F32'),
        ({"cut": 1}, "header cannot be read"),
        ({"cut": 100}, "header|ends within"),
        ({"cut": 40_000}, "its tensors need"),
        ({"split.count": 3}, "is one of 3 parts; make one file of them"),
        ({"llama.expert_count": 8}, "is a mixture of experts"),
        ({"without": "llama.block_count"}, r"does not say llama\.block_count in one number"),
        ({"without": "tokenizer.ggml.tokens"}, "has no tokenizer"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, fields, message):
    file = write(tmp_path / "model.gguf", **fields)
    with pytest.raises(UnsupportedModel, match=message) as caught:
        read_config(file / "config.json")
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("data", [b"PK\3\4" + bytes(100), b"models: are elsewhere\n", b"GGUF", b""])
def test_what_only_is_called_so_is_none(tmp_path, data):
    (tmp_path / "model.gguf").write_bytes(data)
    with pytest.raises(UnsupportedModel, match=r"model\.gguf: (is no GGUF file|its header cannot be read)") as caught:
        read_config(tmp_path / "model.gguf" / "config.json")
    assert len(str(caught.value)) <= 300


def opened(file, tmp_path):
    source = LocalModel(sha256=hash_model_dir(file))
    execution = Execution(model_paths={source.sha256: str(file)})
    return load_backbone(source, Store(str(tmp_path / "store")), execution)


def test_it_is_converted_once_on_a_machine(tmp_path, monkeypatch):
    """In any process, by whatever name; and the folder that it becomes is kept while a process uses it."""
    first, second = write(tmp_path / "model.gguf"), tmp_path / "other" / "it.gguf"
    whole = opened(first, tmp_path).model.state_dict()
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    monkeypatch.setattr(converted, "_convert", lambda *_: pytest.fail("converted again"))
    again = opened(second, tmp_path).model.state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    (name,) = (path.name for path in cache_dir().glob("gguf-*"))
    assert not remove(name)


def test_a_tensor_that_it_lacks_is_one_line(tmp_path):
    file = write(tmp_path / "model.gguf", without="blk.1.ffn_up.weight")
    with pytest.raises(WrongWeights, match=r"model\.gguf: cannot be read .* lacks .*layers\.1\.mlp\.up_proj") as caught:
        opened(file, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(cache_dir().glob("gguf-*"))


@pytest.mark.parametrize("attention", [None, "bidirectional"])
def test_its_states_are_those_of_transformers_and_see_what_the_recipe_says(tmp_path, attention):
    file = write(tmp_path / "model.gguf")
    source = LocalModel(sha256=hash_model_dir(file), attention=attention)
    execution, store = Execution(model_paths={source.sha256: str(file)}), Store(str(tmp_path / "store"))
    backbone, encoder = (load(source, store, execution) for load in (load_backbone, load_input_encoder))
    backbone.model.eval()
    assert encoder("abc", "d")[0]["input_ids"] == [1, 259, 260, 261, 262, 2, 259, 263, 2]
    batch = {"input_ids": torch.tensor([[1, 259, 260, 261]]), "attention_mask": torch.ones(1, 4, dtype=torch.int64)}
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file.name, dtype=torch.float32).eval()
    with torch.no_grad():
        ours = backbone.encode(batch).last_hidden_state
        theirs = plain.model(**batch).last_hidden_state
        assert torch.allclose(ours, theirs, atol=2e-5) == (attention is None)
        batch["input_ids"][0, -1] = 270
        moved = (backbone.encode(batch).last_hidden_state - ours)[0].abs().amax(-1) > 1e-6
    assert moved.tolist() == [attention is not None] * 3 + [True]


REAL = os.environ.get("XSTILTS_GGUF")


@pytest.mark.skipif(not REAL, reason="XSTILTS_GGUF names no GGUF file of Gemma 3 270M")
def test_the_real_gemma(tmp_path):
    """Its shape is the published one, and its logits are those of plain transformers."""
    file = Path(REAL)
    known = hub_shape("google/gemma-3-270m", "main")
    assert shape_of(read_config(file / "config.json"), "it").parameters == known.parameters
    source = LocalModel(sha256=hash_model_dir(file))
    execution, store = Execution(model_paths={source.sha256: str(file)}), Store(str(tmp_path))
    encoder = load_input_encoder(source, store, execution)
    (a,), (b,) = (encoder.subwords([text]) for text in ("The capital of France is", "Paris"))
    bos, eos = encoder.tokenizer.bos_token_id, encoder.tokenizer.eos_token_id
    assert encoder("The capital of France is", "Paris") == [{"input_ids": [bos, *a, eos, *b, eos]}]
    backbone = load_backbone(source, store, execution)
    backbone.model.eval()
    plain = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval()
    batch = {"input_ids": torch.tensor([[bos, *a]]), "attention_mask": torch.ones(1, 1 + len(a), dtype=torch.int64)}
    with torch.no_grad():
        ours = backbone.vocabulary_logits(backbone.encode(batch).sentence)
        theirs = plain(**batch).logits[:, -1]
    assert torch.allclose(ours, theirs, atol=1e-3, rtol=1e-4)
