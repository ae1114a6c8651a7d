"""What cannot be loaded is said in one line, and is not tried again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import trainables
from trainables.failure import kind_of
from trainables.models.backbones import UnsupportedModel
from trainables.models.loading import load_backbone
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel

MINI = Path(trainables.__file__).parent / "models" / "mini"


def cut(file):
    file.write_bytes(file.read_bytes()[:1000])


def emptied(file):
    file.write_bytes(b"")


def pointer(file):
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


@pytest.mark.parametrize("damage", [cut, emptied, pointer, Path.unlink])
def test_broken_weights(world, tmp_path, damage):
    shutil.copytree(MINI, tmp_path / "model")
    damage(tmp_path / "model" / "model.safetensors")
    execution = Execution(model_paths={"0" * 64: str(tmp_path / "model")})
    with pytest.raises(WrongWeights, match=r"model: its weights cannot be loaded .*; give a sound copy$") as caught:
        load_backbone(LocalModel(sha256="0" * 64), world.store, execution)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300
    assert kind_of(caught.value) == "settled"


@pytest.mark.parametrize(
    "architecture",
    [
        {"hidden_act": "no function"},
        {"hidden_dropout_prob": "much"},
        {"num_attention_heads": 3},
        {"model_type": "modernbert", "layer_types": "all"},
    ],
)
def test_an_architecture_that_cannot_be(world, architecture):
    start = world.scratch()
    start = start.model_copy(update={"architecture": {**start.architecture, **architecture}})
    with pytest.raises(UnsupportedModel, match=r"the architecture is none that a .* can have .*; change it") as caught:
        load_backbone(start, world.store, Execution())
    assert "\n" not in str(caught.value)
    assert kind_of(caught.value) == "settled"


def test_too_little_memory_may_be_tried_again(world, monkeypatch):
    import torch

    def full(*_, **__):
        raise torch.OutOfMemoryError("out of memory")

    from trainables.models.backbones.modeling import Backbone

    monkeypatch.setattr(Backbone.auto_class, "from_config", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_backbone(world.scratch(), world.store, Execution())
