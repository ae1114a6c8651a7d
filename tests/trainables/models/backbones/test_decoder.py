"""Decoders: logits and states are those of plain transformers, whatever is kept of the model and whatever it sees."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, Gemma3ForConditionalGeneration

from trainables.models.backbones import UnsupportedModel, all_backbone_types, hub_shape, shape_of
from trainables.models.backbones.decoder import Decoder
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
DECODERS = [one for one in all_backbone_types() if isinstance(one, Decoder)]
SOURCE = LocalModel(sha256="0" * 64)


@pytest.fixture(params=MODELS)
def saved(request, tmp_path):
    """A directory with a tiny random model, for causal LM, as transformers saves it."""
    config = AutoConfig.for_model(request.param.partition(" ")[0], **MODELS[request.param])
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "whole")
    return tmp_path / "whole"


def load(folder, tmp_path, attention=None):
    return load_backbone(
        SOURCE.model_copy(update={"attention": attention}),
        Store(str(tmp_path / "store")),
        Execution(model_paths={SOURCE.sha256: str(folder)}),
    )


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


def reach(backbone, batch):
    """Of each token of the first sequence the tokens whose change moves its state."""
    backbone.model.eval()
    found = []
    with torch.no_grad():
        before = backbone.encode(batch).last_hidden_state[0]
        for place in range(len(before)):
            ids = batch["input_ids"].clone()
            ids[0, place] = 3 if ids[0, place] != 3 else 4
            after = backbone.encode({**batch, "input_ids": ids}).last_hidden_state[0]
            found.append((after - before).abs().amax(-1) > 1e-6)
    return torch.stack(found, 1)


@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_a_token_sees_what_the_recipe_says(saved, tmp_path, attention):
    """In all blocks together, whose windows add up, and after it was saved and loaded without a word."""
    backbone = load(saved, tmp_path, attention)
    backbone.model.save_pretrained(tmp_path / "artifact")
    batch = batch_of(backbone.model.config, pad=2)
    sees = reach(backbone, batch)
    width = len(sees)
    here, there = torch.arange(width)[:, None], torch.arange(width)[None]
    assert sees.diagonal().all()
    if attention == "causal":
        assert not sees[there > here].any()
        assert sees[there == here - 1].all()
    else:
        assert sees[(there - here).abs() == 1].all()
        assert bool(sees.all()) == (backbone.model.config.model_type != "mistral")  # it has windows in all blocks
    again = load(tmp_path / "artifact", tmp_path)
    assert again.type.shape(again.model.config.to_dict()).causal == (attention == "causal")
    assert torch.equal(reach(again, batch), sees)
    real = batch["attention_mask"].bool()
    plain = AutoModel.from_pretrained(tmp_path / "artifact").eval()
    with torch.no_grad():
        ours, theirs = again.encode(batch).last_hidden_state, plain(**batch).last_hidden_state
        assert torch.allclose(ours[real], theirs[real], atol=2e-5)
        # What stands in the places of padding moves nothing.
        other = {**batch, "input_ids": torch.where(real, batch["input_ids"], 5)}
        assert torch.equal(again.encode(other).last_hidden_state[real], ours[real])


def test_only_the_text_model_of_a_whole_gemma_is_loaded(tmp_path):
    text = {**MODELS["gemma3_text"], "vocab_size": 100, "final_logit_softcapping": None}  # the whole caps nothing
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(
        "gemma3",
        text_config=text,
        vision_config={**vision, "image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
        image_token_index=99,
        boi_token_index=97,
        eoi_token_index=98,
    )
    whole = Gemma3ForConditionalGeneration(config).eval()
    whole.save_pretrained(tmp_path / "whole")
    backbone = load(tmp_path / "whole", tmp_path)
    backbone.model.eval()
    assert backbone.shape == shape_of(json.loads((tmp_path / "whole" / "config.json").read_text()), "it")
    batch = batch_of(backbone.model.config, pad=0)
    real = batch["attention_mask"].bool()
    with torch.no_grad():
        logits = backbone.vocabulary_logits(backbone.encode(batch).last_hidden_state)
        assert torch.allclose(logits[real], whole(**batch).logits[real], atol=2e-5)
    backbone.model.save_pretrained(tmp_path / "text")
    assert load(tmp_path / "text", tmp_path).type.model_type == "gemma3_text"


SIZES_OF = {
    "huggyllama/llama-7b": 6_738_415_616,
    "huggyllama/llama-30b": 32_528_943_616,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "google/gemma-3-270m": 268_098_176,
    "google/gemma-3-27b-pt": 27_009_346_304,
}


@pytest.mark.parametrize("backbone_type", DECODERS, ids=lambda one: one.model_type)
def test_the_parameters_of_known_models_are_those_of_transformers(backbone_type):
    for name, config in backbone_type.published.items():
        text = backbone_type.of_text({"model_type": backbone_type.model_type, **config})
        fields = {key: value for key, value in text.items() if key != "model_type"}
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.for_model(text["model_type"], **fields))
        count = sum(weight.numel() for weight in model.parameters())
        shape = hub_shape(name, "main")
        assert shape.parameters == count == SIZES_OF.get(name, count), name
        linears = sum(one.weight.numel() for one in model.model.modules() if isinstance(one, torch.nn.Linear))
        assert shape.matrices == linears
        # Kaplan et al. 2020: 2 for each weight, and the two products of attention over all its heads.
        attention = model.config.num_attention_heads * model.config.head_dim
        assert shape.forward(100) == 2 * linears + 4 * 100 * model.config.num_hidden_layers * attention
