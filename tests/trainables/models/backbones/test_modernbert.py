"""What ModernBERT has alone: dropout that transformers leaves out, attention to the neighbourhood."""

from __future__ import annotations

import pytest
import torch
from transformers import ModernBertConfig, ModernBertModel

from trainables.models.backbones import get_backbone_type
from trainables.models.dropout import CounterDropout, install

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "vocab_size": 90,
    "pad_token_id": 0,
    "local_attention": 8,
    "initializer_range": 0.2,
}


@pytest.fixture
def backbone():
    backbone_type = get_backbone_type("modernbert")
    torch.manual_seed(1)
    return backbone_type.modeling()(ModernBertModel(ModernBertConfig(**SIZES)), backbone_type)


def test_the_recipe_alone_says_what_is_dropped(backbone):
    # Its configuration drops nothing, so transformers makes no module behind attention.
    install(backbone.model, backbone, 0.25, 0.5)
    for block in backbone.blocks:
        rates = {name: one.p for name, one in block.named_modules() if isinstance(one, CounterDropout)}
        assert sorted(rates.values()) == [0.25, 0.25, 0.5]
        assert rates["attn.out_drop"] == rates["mlp.drop"] == 0.25
    assert backbone.model.embeddings.drop.p == 0.25


def test_far_padding_leaves_no_trace(backbone):
    """In blocks that see a neighbourhood alone, a padded place may see padding and nothing else."""
    ids = torch.arange(1, 7)[None]
    padded = torch.nn.functional.pad(ids, (0, 40))
    backbone.model.eval()
    with torch.no_grad():
        alone = backbone.encode({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        beside = backbone.encode({"input_ids": padded, "attention_mask": (padded > 0).long()})
    assert torch.allclose(beside.last_hidden_state[:, :6], alone.last_hidden_state, atol=1e-5)
