"""Text towers of multimodal models, read from checkpoints of their exact layouts: the tower alone."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    AutoModel,
    SiglipConfig,
    SiglipModel,
    SiglipTextModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from sweeps.spec.model import ModelSpec
from trainables.models.artifact import save_artifact
from trainables.models.backbones import CONFIG, read_config, shape_of
from trainables.models.backbones.text_towers import BASES
from trainables.models.loading import load_backbone
from trainables.models.task_model import TaskModel
from trainables.models.tokenizer_files import read_tokenizer
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.store import MODEL

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
VISION = {**SIZES, "image_size": 16, "patch_size": 8}
XLMR = {**SIZES, "max_position_embeddings": 40, "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5}


def mclip(folder, words):
    """As multilingual_clip saves it: XLM-R under `transformer`, a linear layer, a configuration without sizes."""
    encoder = XLMRobertaModel(XLMRobertaConfig(**XLMR, vocab_size=words))
    weights = {f"transformer.{name}": weight.contiguous() for name, weight in encoder.state_dict().items()}
    weights |= {"LinearTransformation.weight": torch.randn(8, 32), "LinearTransformation.bias": torch.randn(8)}
    folder.mkdir()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said = {"model_type": "M-CLIP", "modelBase": "xlm-roberta-tiny", "numDims": 8, "transformerDimSize": 32}
    (folder / CONFIG).write_text(json.dumps(said))
    return encoder


def altclip(folder, words):
    model = AltCLIPModel(
        AltCLIPConfig(text_config={**XLMR, "vocab_size": words, "project_dim": 8}, vision_config=VISION)
    )
    model.save_pretrained(folder)
    return model.text_model.roberta


def siglip(folder, words):
    text = {**SIZES, "vocab_size": words, "max_position_embeddings": 16, "projection_size": 32}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))
    model.save_pretrained(folder)
    return SiglipTextModel.from_pretrained(folder)


MODELS = {"M-CLIP": mclip, "altclip": altclip, "siglip": siglip}


@pytest.fixture(params=MODELS)
def tower(request, world, tmp_path, monkeypatch):
    """A tiny random checkpoint, and its text tower as transformers has it."""
    tiny = {**SIZES, "max_position_embeddings": 40, "vocab_size": 500}
    monkeypatch.setitem(BASES, "xlm-roberta-tiny", tiny)
    kind = {"model_type": "siglip_text_model"} if request.param == "siglip" else {}
    tokenizer = read_tokenizer(world.store.path(world.scratch(**kind).tokenizer) / MODEL, None)
    torch.manual_seed(1)
    folder = tmp_path / "model"
    expected = MODELS[request.param](folder, len(tokenizer)).eval()
    tokenizer.save_pretrained(folder)
    if request.param == "M-CLIP":  # its sizes are those of its base
        monkeypatch.setitem(BASES, "xlm-roberta-tiny", {**tiny, "vocab_size": len(tokenizer)})
    return folder, expected


def loaded(folder, world):
    model = LocalModel(sha256="0" * 64)
    return load_backbone(model, world.store, Execution(model_paths={model.sha256: str(folder)}))


def batch(words):
    ids = torch.randint(5, words, (3, 9))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    ids[1, 6:] = 1
    return {"input_ids": ids, "attention_mask": mask}


def test_the_tower_gives_what_transformers_gives(tower, world):
    folder, expected = tower
    backbone = loaded(folder, world)
    backbone.model.eval()
    inputs = batch(expected.config.vocab_size)
    with torch.no_grad():
        ours = backbone.encode(inputs, all_layers=True)
        theirs = expected(**inputs, output_hidden_states=True)
    seen = inputs["attention_mask"].bool()
    torch.testing.assert_close(ours.last_hidden_state[seen], theirs.last_hidden_state[seen], rtol=1e-4, atol=1e-5)
    for mine, other in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        torch.testing.assert_close(mine[seen], other[seen], rtol=1e-4, atol=1e-5)
    assert sum(weight.numel() for weight in backbone.model.parameters()) == pytest.approx(
        backbone.shape.parameters, rel=0.03
    )


def test_what_is_left_out_is_said(tower, world):
    folder, _ = tower
    backbone = loaded(folder, world)
    assert backbone.dropped
    said = ModelSpec(start=str(folder))
    assert said.text_tower is not None
    assert said.text_tower.dropped == backbone.dropped
    assert said.shape() == backbone.shape == shape_of(read_config(folder / CONFIG), "it")


def test_what_a_training_leaves_is_the_tower_alone(tower, world, tmp_path):
    folder, _ = tower
    backbone = loaded(folder, world)
    model = TaskModel(backbone, {})
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    save_artifact(tmp_path / "left", model, read_tokenizer(folder, None), weights, None)
    again = loaded(tmp_path / "left" / MODEL, world)
    assert not again.dropped
    for name, weight in again.model.state_dict().items():
        assert torch.equal(weight, backbone.model.state_dict()[name]), name
    if backbone.type.model_type == "xlm-roberta":
        assert type(AutoModel.from_pretrained(tmp_path / "left" / MODEL)) is XLMRobertaModel


def test_a_lost_weight_is_an_error(tower, world):
    folder, _ = tower
    file = folder / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if "word_embeddings" in name or "token_embedding" in name)
    del weights[name]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(WrongWeights, match="1 weights of the backbone"):
        loaded(folder, world)
