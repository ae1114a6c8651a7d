"""What T5 has alone: one dropout at both ends, one table under two names, no mask token, distances without end."""

from __future__ import annotations

import pytest
import torch
from transformers import T5Config, T5EncoderModel

from trainables.models.backbones import get_backbone_type
from trainables.models.dropout import install
from trainables.models.tokenizer_files import WrongTokenizer

SIZES = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": 90}


@pytest.fixture
def backbone():
    backbone_type = get_backbone_type("t5")
    torch.manual_seed(1)
    return backbone_type.modeling()(T5EncoderModel(T5Config(**SIZES)), backbone_type)


def batch(length):
    return {"input_ids": torch.arange(length)[None] % 90, "attention_mask": torch.ones(1, length, dtype=torch.int64)}


def test_each_end_drops_by_a_mask_of_its_own_also_after_a_pass_that_failed(backbone):
    context = install(backbone.model, backbone, 0.5, 0.0)
    context.see(torch.zeros(1, dtype=torch.int64))
    backbone.model.train()
    ends = backbone.stack.dropout
    called = []
    for name in ("first", "last"):
        end = getattr(ends, name)
        end.register_forward_hook(lambda module, args, output, name=name: called.append((name, args[0] != 0, output)))
    backbone.encode(batch(9))
    assert [name for name, _, _ in called] == ["first", "last"]
    (_, there, first), (_, still, last) = called
    assert not torch.equal((first != 0) | ~there, (last != 0) | ~still)
    called.clear()
    broken = backbone.blocks[1].register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backbone.encode(batch(9))
    broken.remove()
    backbone.encode(batch(9))
    assert [name for name, _, _ in called] == ["first", "first", "last"]


def test_the_table_of_subwords_is_one_module(backbone):
    assert backbone.word_embeddings is backbone.stack.embed_tokens is backbone.model.shared
    tables = [name for name, weight in backbone.model.named_parameters() if weight.shape[0] == 90]
    assert tables == ["shared.weight"]


def test_a_text_may_have_any_length(backbone):
    assert backbone.shape.usable_positions > 100_000
    with torch.no_grad():
        assert backbone.encode(batch(700)).last_hidden_state.shape == (1, 700, 32)


@pytest.mark.deepspeed
def test_masked_lm_is_refused(fresh):
    start = fresh.scratch(model_type="t5")
    fresh.tokenizer = lambda: type(fresh).tokenizer(fresh).model_copy(update={"step": start.tokenizer})
    with pytest.raises(WrongTokenizer, match="its tokenizer has no mask token, which gen-text needs"):
        fresh.train("gen-text")
