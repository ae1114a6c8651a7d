"""Which models can be trained: told from a configuration, before torch is there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from trainables.models.backbones import (
    BackboneType,
    UnsupportedModel,
    all_backbone_types,
    backbone_type_of,
    get_backbone_type,
    hub_shape,
    read_config,
    register,
    shape_of,
)
from trainables.models.backbones.bert import MBERT
from trainables.models.backbones.xlm_roberta import XLMR_LARGE

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "vocab_size": 90, "type_vocab_size": 2}


@pytest.mark.parametrize(("model_type", "usable"), [("bert", 512), ("xlm-roberta", 510)])
def test_the_shape_that_a_configuration_describes(model_type, usable):
    from transformers import AutoConfig, AutoModel

    model = AutoModel.from_config(AutoConfig.for_model(model_type, **SIZES), add_pooling_layer=False)
    # What is not said has the default of transformers; a configuration that was saved says all.
    for config in ({"model_type": model_type, **SIZES}, model.config.to_dict()):
        shape = shape_of(config, "it")
        assert (shape.layers, shape.hidden, shape.inner, shape.heads) == (3, 32, 3072, 2)
        assert (shape.vocabulary, shape.positions, shape.usable_positions, shape.types) == (90, 512, usable, 2)
        assert shape.parameters == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("model_type", ["gpt2", "opt", "electra"])
def test_a_model_of_another_type_is_refused_by_name(model_type):
    from transformers import AutoConfig

    config = AutoConfig.for_model(model_type).to_dict()
    with pytest.raises(UnsupportedModel, match=rf'^it is of type "{model_type}".*: bert, .*xlm-roberta'):
        shape_of(config, "it")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"is_decoder": True}, "it is a decoder"),
        ({"position_embedding_type": "relative_key"}, "it has relative_key position embeddings"),
        ({"hidden_size": "wide"}, "it has no shape that a bert model can have"),
    ],
)
def test_what_bert_cannot_do_is_refused(fields, message):
    with pytest.raises(UnsupportedModel, match=message):
        shape_of({"model_type": "bert", **SIZES, **fields}, "it")


@pytest.mark.parametrize("text", ["{no json", "[1, 2]", '{"hidden_size": 8}', '{"model_type": null}'])
def test_a_configuration_that_says_no_type_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UnsupportedModel, match=str(tmp_path)) as caught:
        read_config(tmp_path / "config.json")
    assert "\n" not in str(caught.value)


def test_models_of_the_hub_are_known_from_the_table_or_the_cache(hub):
    from huggingface_hub import hf_hub_download

    assert hub_shape("FacebookAI/xlm-roberta-large", "main") == XLMR_LARGE
    assert hub_shape("google-bert/bert-base-multilingual-cased", "main") == MBERT
    for name, config in (("some/bert", {"model_type": "bert", **SIZES}), ("some/gpt", {"model_type": "gpt2"})):
        assert hub_shape(name, hub.commit) is None
        hub.files[name] = {"config.json": json.dumps(config).encode()}
        hub.pin(name, "main", hub.commit)
        hf_hub_download(name, "config.json", revision=hub.commit)
    assert hub_shape("some/bert", hub.commit).usable_positions == 512
    with pytest.raises(UnsupportedModel, match='some/gpt is of type "gpt2"'):
        hub_shape("some/gpt", hub.commit)


UNDECLARED = {
    "deberta-v2": {"position_buckets", "norm_rel_ebd", "share_att_key", "conv_kernel_size", "conv_act", "conv_groups"},
    "modernbert": {"global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"},
    **{name: {"rope_theta"} for name in ("llama", "mistral", "qwen3")},
    "gemma3_text": {"rope_theta", "rope_local_base_freq", "sliding_window_pattern"},
}
"""Settings that transformers reads though its configuration does not declare them."""


@pytest.mark.parametrize("backbone_type", all_backbone_types(), ids=lambda one: one.model_type)
def test_settings_of_an_architecture_are_those_of_transformers(backbone_type):
    from dataclasses import fields

    from transformers import AutoConfig

    declared = {one.name for one in fields(AutoConfig.for_model(backbone_type.model_type))}
    undeclared = UNDECLARED.get(backbone_type.model_type, set())
    assert backbone_type.settings - undeclared <= declared
    assert undeclared <= backbone_type.settings
    assert not [name for name in backbone_type.settings if "dropout" in name or name == "vocab_size"]


def test_embeddings_of_another_width_are_refused():
    config = {"model_type": "deberta-v2", "hidden_size": 32, "embedding_size": 16}
    with pytest.raises(UnsupportedModel, match=r"^it has embeddings of another width"):
        shape_of(config, "it")


def test_a_type_is_registered_once():
    for backbone_type in all_backbone_types():
        assert get_backbone_type(backbone_type.model_type) is backbone_type
        register(type(backbone_type)())  # a plug-in that is loaded twice
    assert backbone_type_of({}, "it").model_type == "xlm-roberta"

    class Other(BackboneType):
        model_type = "bert"
        shape = modeling = None

    with pytest.raises(ValueError, match="two kinds of encoder have the model_type 'bert'"):
        register(Other())


def test_the_torch_free_half_imports_no_torch():
    code = (
        "import sys; from trainables.models.backbones import shape_of; shape_of({'model_type': 'bert'}, 'it');"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_worker_refuses_it_for_good(tmp_path):
    """A plan may have been made before the configuration of a model of the hub was there."""
    from transformers import AutoConfig, AutoModel

    from trainables.failure import kind_of
    from trainables.models.loading import load_backbone
    from trainables.recipe.execution import Execution
    from trainables.recipe.model_source import LocalModel
    from trainables.store import Store

    config = AutoConfig.for_model("gpt2", n_embd=8, n_layer=1, n_head=1, vocab_size=9)
    AutoModel.from_config(config).save_pretrained(tmp_path / "model")
    execution = Execution(model_paths={"0" * 64: str(tmp_path / "model")})
    with pytest.raises(UnsupportedModel, match=r'model is of type "gpt2".*: bert, .*xlm-roberta') as caught:
        load_backbone(LocalModel(sha256="0" * 64), Store(str(tmp_path / "store")), execution)
    assert kind_of(caught.value) == "settled"
