"""Adapters on a tiny model of every kind of backbone: where they lie, how many numbers they are, what they drop."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import AutoConfig

from tests.trainables.models.backbones.test_every_backbone import ARCHITECTURES
from trainables.models.backbones import get_backbone_type, shape_of
from trainables.models.heads import ClassifierHead
from trainables.models.loading import seeded
from trainables.models.lora import Adapters
from trainables.models.lora_shape import adapter_parameters, paths_of
from trainables.models.task_model import new_task_model
from trainables.recipe.adaptation import Lora
from trainables.recipe.optimisation import Optimisation

DECODER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
KINDS = {**ARCHITECTURES, **dict.fromkeys(("llama", "mistral", "qwen3", "gemma3_text"), DECODER)}
SPECIAL = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
TARGETS = ("attention", "all-linear")


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return get_backbone_type(request.param.partition(" ")[0]), KINDS[request.param]


def made(kind):
    """A backbone, and its shape as plans have it."""
    backbone_type, settings = kind
    config = AutoConfig.for_model(backbone_type.model_type, vocab_size=100, **SPECIAL, **settings)
    modeling = backbone_type.modeling()
    with seeded(1, "backbone"):
        model, _ = modeling.kept(modeling.auto_class.from_config(config, **modeling.load_options), ())
    return modeling(model, backbone_type), shape_of(config.to_dict(), "it")


def test_plans_know_the_linear_modules_and_what_adapters_on_them_hold(kind):
    backbone, shape = made(kind)
    blocks = {id(module) for block in backbone.blocks for module in block.modules()}
    found = [path for path, one in backbone.model.named_modules() if isinstance(one, nn.Linear) and id(one) in blocks]
    assert sorted(path.removeprefix("model.") for path in found) == sorted(paths_of(shape))
    before = {name: (weight.requires_grad, weight.clone()) for name, weight in backbone.model.named_parameters()}
    for targets in (*TARGETS, tuple(path.rpartition(".")[2] for path in found[:1])):
        lora = Lora(rank=3, alpha=6, dropout=0.1, targets=targets)
        adapters = Adapters.new(backbone, lora)
        assert adapters.parameters == adapter_parameters(shape, lora) > 0
        assert adapters.parameters == sum(w.numel() for w in backbone.model.parameters() if w.requires_grad)
        adapters.merge()
        assert all(before[name][0] == weight.requires_grad for name, weight in backbone.model.named_parameters())
        assert all(torch.equal(before[name][1], weight) for name, weight in backbone.model.named_parameters())


def test_what_adapters_drop_depends_on_the_row_alone(kind):
    """A batch of four, and one row after the other with less padding: the same gradients."""
    torch.manual_seed(1)
    ids, lengths = torch.randint(4, 100, (4, 9)), torch.tensor([9, 5, 7, 3])
    mask = (torch.arange(9) < lengths[:, None]).long()
    ids = torch.where(mask == 1, ids, 1)
    batches = [(slice(0, 4), 9), *((slice(i, i + 1), int(lengths[i])) for i in range(4))]
    sums, plain = [], []
    for chosen in (batches[:1], batches[1:]):
        for dropout, into in ((0.4, sums), (0.0, plain)):
            backbone, _ = made(kind)
            with seeded(1, "adapters"):
                adapters = Adapters.new(backbone, Lora(rank=4, alpha=8, dropout=dropout, targets="all-linear"))
            head = {"h": lambda backbone: ClassifierHead(32, 2, 0.0)}
            model = new_task_model(
                backbone, head, Optimisation(steps=1, dropout=0, attention_dropout=0), 1, adapters
            ).train()
            for _, weight in adapters._weights():
                nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(weight.numel()))
            model.at_update(3)
            for rows, width in chosen:
                inputs = {"input_ids": ids[rows, :width], "attention_mask": mask[rows, :width]}
                inputs |= {"token_type_ids": torch.zeros_like(inputs["input_ids"]), "rows": torch.arange(4)[rows]}
                model(inputs, "h")[:, 0].sum().backward()
            into.append([weight.grad for _, weight in adapters._weights()])
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*sums, strict=True))
    assert not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(sums[0], plain[0], strict=True))
