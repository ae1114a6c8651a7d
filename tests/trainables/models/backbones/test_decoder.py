"""Decoders: logits and states are those of plain transformers, whatever of the model is kept."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from trainables.models.backbones import UnsupportedModel
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.store import Store

SIZES = {
    "vocab_size": 90,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,  # heads that are together wider than a state
    "initializer_range": 0.3,
}
MODELS = {
    "llama": {**SIZES, "tie_word_embeddings": False},
    "llama tied": {**SIZES, "tie_word_embeddings": True},
    "mistral": {**SIZES, "sliding_window": 4},
    "qwen3": {**SIZES, "tie_word_embeddings": False, "attention_bias": True},
    "gemma3_text": {**SIZES, "sliding_window": 4, "sliding_window_pattern": 2, "final_logit_softcapping": 3.0},
}
SOURCE = LocalModel(sha256="0" * 64)


@pytest.fixture(params=MODELS)
def saved(request, tmp_path):
    """A directory with a tiny random model, for causal LM, as transformers saves it."""
    config = AutoConfig.for_model(request.param.partition(" ")[0], **MODELS[request.param])
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "whole")
    return tmp_path / "whole"


def load(folder, tmp_path):
    return load_backbone(SOURCE, Store(str(tmp_path / "store")), Execution(model_paths={SOURCE.sha256: str(folder)}))


def batch_of(config, pad):
    """Two sequences of other lengths, padded on the right."""
    ids = torch.randint(3, config.vocab_size, (2, 11), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = pad, 0
    return {"input_ids": ids, "attention_mask": mask}


def test_logits_and_states_are_those_of_transformers(saved, tmp_path):
    backbone = load(saved, tmp_path)
    backbone.model.eval()
    backbone.model.save_pretrained(tmp_path / "kept")
    batch = batch_of(backbone.model.config, pad=2)
    real = batch["attention_mask"].bool()
    with torch.no_grad():
        ours = backbone.encode(batch, all_layers=True)
        logits = backbone.vocabulary_logits(ours.last_hidden_state[real])
        for folder in (saved, tmp_path / "kept"):  # what is kept is loaded by both classes
            whole = AutoModelForCausalLM.from_pretrained(folder).eval()(**batch, output_hidden_states=True)
            stack = AutoModel.from_pretrained(folder).eval()(**batch)
            assert torch.allclose(logits, whole.logits[real], atol=2e-5)
            assert torch.allclose(ours.last_hidden_state[real], stack.last_hidden_state[real], atol=2e-5)
            for one, two in zip(ours.hidden_states, whole.hidden_states, strict=True):
                assert torch.allclose(one[real], two[real], atol=2e-5)
    assert torch.equal(ours.sentence, ours.last_hidden_state[[0, 1], [10, 5]])


def test_output_embeddings_of_its_own_are_kept_and_not_trained(saved, tmp_path):
    backbone = load(saved, tmp_path)
    own = [name for name, weight in backbone.model.named_parameters() if not weight.requires_grad]
    assert own == ([] if backbone.model.config.tie_word_embeddings else ["lm_head.weight"])


def test_a_model_without_output_embeddings_says_so(tmp_path):
    config = AutoConfig.for_model("llama", **MODELS["llama"])
    AutoModel.from_config(config).save_pretrained(tmp_path / "stack")
    backbone = load(tmp_path / "stack", tmp_path)
    with pytest.raises(UnsupportedModel, match="no output embeddings"):
        backbone.vocabulary_logits(torch.zeros(1, 32))
