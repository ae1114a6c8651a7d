"""Dropout whose mask is a function of (seed, update, example, position), not of how a batch was cut.

Ordinary dropout draws from a generator in the order in which elements are computed, so the mask that an example
meets depends on its neighbours in the micro-batch, on padding, and on the number of workers. Here each element's
fate is a hash of the recipe's seed, the update, the row of the example in the global batch, the number of
the dropout layer, and the element's own position; so a run gives the same numbers however it is executed, and a
recomputed forward pass (activation checkpointing) meets the same mask without saving any generator state.

The hash is murmur3's 32-bit finaliser, one round per dimension before the last and one for the elements. Measured
in `tests/trainables/models/test_dropout.py`: the drop rate, and no correlation between steps, layers, rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from trainables.models.backbones.modeling import Backbone

ATTENTION = "xstilts_counter_dropout"
OWN, GIVEN = "dropout", "weights_dropout"
"""What attention's dropout is called: by an architecture that has a module for it, or here where it has none."""


@dataclass
class DropoutContext:
    """Where the model stands: shared by all dropout layers of one model, set before each forward pass."""

    seed: int = 0
    step: int = 0
    rows: Tensor | None = None
    """Rows of the micro-batch's examples in the global batch: int64, shape (examples,)."""


class CounterDropout(nn.Module):
    """Drop elements of a tensor of shape (examples, ..., features) with probability `p` while training."""

    def __init__(self, p: float, layer: int, context: DropoutContext) -> None:
        super().__init__()
        self.p, self.layer, self.dropout_context = p, layer, context

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if self.dropout_context.rows is None:
            raise RuntimeError("dropout before the model was told which examples it sees")
        keep = keep_mask(x.shape, self.p, self.dropout_context, self.layer, x.device)
        return x * keep.type_as(x) * (1.0 / (1.0 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}, layer={self.layer}"


class SharedDropout(CounterDropout):
    """The same for a tensor of shape (..., features) that belongs to no example, so one mask serves all of a batch."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        batch = replace(self.dropout_context, rows=torch.zeros(1, dtype=torch.int64))
        keep = keep_mask(torch.Size((1, *x.shape)), self.p, batch, self.layer, x.device)[0]
        return x * keep.type_as(x) * (1.0 / (1.0 - self.p))


def keep_mask(shape: torch.Size, p: float, context: DropoutContext, layer: int, device: torch.device) -> Tensor:
    """Boolean mask of `shape` (examples, ..., features), true where an element stays (probability 1 - p)."""
    assert context.rows is not None
    key = _scramble(context.seed, context.step, layer)
    rows = context.rows.to(device, torch.int64)
    keys = _finalise((rows * 0x9E3779B1 + key).to(torch.int32))
    for size in shape[1:-1]:
        keys = _finalise(keys.unsqueeze(-1) * _odd(0x85EBCA6B) + _counter(size, device))
    elements = _finalise(keys.unsqueeze(-1) ^ _finalise(_counter(shape[-1], device) + _odd(0x27D4EB2F)))
    # The hash is uniform on the signed 32-bit integers; the lowest share p of them is dropped.
    return elements >= round(p * 2**32) - 2**31


def _scramble(*words: int) -> int:
    key = 0
    for word in words:
        key = (key ^ (word + 0x9E3779B97F4A7C15 + (key << 6) + (key >> 2))) & 0xFFFFFFFFFFFFFFFF
        key = (key * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        key ^= key >> 29
    return key & 0x7FFFFFFFFFFF


def _odd(constant: int) -> int:
    """The 32-bit constant as the signed integer that has the same bits."""
    return constant - 2**32 if constant >= 2**31 else constant


def _counter(size: int, device: torch.device) -> Tensor:
    return torch.arange(1, size + 1, dtype=torch.int32, device=device)


def _finalise(h: Tensor) -> Tensor:
    # Shifts of signed integers drag the sign along; the masks make them the logical shifts of the original.
    h = h ^ ((h >> 16) & 0xFFFF)
    h = h * _odd(0x85EBCA6B)
    h = h ^ ((h >> 13) & 0x7FFFF)
    h = h * _odd(0xC2B2AE35)
    return h ^ ((h >> 16) & 0xFFFF)


def install(model: nn.Module, backbone: Backbone, hidden: float, attention: float) -> DropoutContext:
    """Put counter dropout in place of every `nn.Dropout` in `model`.

    Args:
        model: `backbone.model` and the heads on it.
        backbone: says which modules drop attention weights.
        hidden: probability of dropping an element elsewhere.
        attention: probability of dropping an attention weight.

    Returns the context that must be kept up to date.
    """
    context = DropoutContext()
    attention_modules = {id(module): module for module in backbone.attention_modules}
    shared = {id(module) for module in backbone.shared_dropout}
    layer = 0
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                p = attention if name == OWN and id(module) in attention_modules else hidden
                kind = SharedDropout if id(child) in shared else CounterDropout
                setattr(module, name, kind(p, layer, context))
                layer += 1
    for module in attention_modules.values():
        if not isinstance(getattr(module, OWN, None), nn.Module):
            module.add_module(GIVEN, CounterDropout(attention, layer, context))
            layer += 1
    # Fused attention kernels draw their own mask; without attention dropout they may be used.
    backbone.set_attention(ATTENTION if attention else "sdpa")
    return context


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float | Tensor = 0.0,
    position_bias: Tensor | None = None,
    **_: object,
) -> tuple[Tensor, Tensor]:
    """Attention as transformers' eager form has it, with the dropout module of the attention layer."""
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    weights = torch.matmul(query, key.transpose(2, 3)) * scale
    if position_bias is not None:
        weights = weights + position_bias
    if attention_mask is not None:
        weights = weights + attention_mask
    children = dict(module.named_children())
    drop = children.get(OWN) or children[GIVEN]
    weights = drop(nn.functional.softmax(weights, dim=-1))
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(ATTENTION, _attention)
AttentionMaskInterface.register(ATTENTION, eager_mask)
