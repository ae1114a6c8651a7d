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

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from trainables.models import native
from trainables.models.attention import ATTENTION, GIVEN, OWN
from trainables.models.backbones.modeling import Backbone
from trainables.models.packing import Packing

ADAPTERS = "lora_dropout"
"""What peft calls the module that holds an adapter's dropout."""


@dataclass
class DropoutContext:
    """Where the model stands: shared by all dropout layers of one model, set before each forward pass."""

    seed: int = 0
    step: int = 0
    layers: list[CounterDropout] = field(default_factory=list)

    def see(self, rows: Tensor | None) -> None:
        """Say which rows of the global batch the sequences of a micro-batch are: int64, shape (sequences,).

        None: they belong to no batch, and nothing may be dropped.
        """
        layers = self._dropping
        for layer, keys in zip(layers, [None] * len(layers) if rows is None else self.keys(rows, layers), strict=True):
            layer.keys = keys

    def keys(self, rows: Tensor, layers: Sequence[CounterDropout]) -> Sequence[Tensor]:
        """Of each layer what the elements of each row are hashed with: int32, shape (sequences,)."""
        words = torch.tensor([_scramble(self.seed, self.step, layer.number) for layer in layers], dtype=torch.int64)
        if rows.is_cuda:
            words = words.pin_memory()
        words = words.to(rows.device, non_blocking=True)
        return _finalise((rows.unsqueeze(0) * 0x9E3779B1 + words.unsqueeze(1)).to(torch.int32)).unbind()

    @property
    def _dropping(self) -> list[CounterDropout]:
        return [layer for layer in self.layers if layer.p > 0]

    @contextmanager
    def packed(self, packing: Packing) -> Iterator[None]:
        """While what is dropped are elements of tokens without padding, (1, tokens, features)."""
        layers = [layer for layer in self._dropping if layer.keys is not None]
        if layers:
            keys = torch.stack([layer.keys for layer in layers if layer.keys is not None])
            places = (packing.positions + 1).to(torch.int32)
            tokens = _finalise(keys[:, packing.sequences] * _odd(0x85EBCA6B) + places)
            for layer, own in zip(layers, tokens.unbind(), strict=True):
                layer.token_keys = own
        try:
            yield
        finally:
            for layer in layers:
                layer.token_keys = None


class CounterDropout(nn.Module):
    """Drop elements of a tensor of shape (sequences, ..., features) with probability `p` while training.

    Args:
        p: probability.
        number: of this layer in the model.
        context: of the model; it says which sequences are seen.
    """

    def __init__(self, p: float, number: int, context: DropoutContext) -> None:
        super().__init__()
        self.p, self.number = p, number
        self.keys: Tensor | None = None
        """Of each sequence of the micro-batch, what its elements are hashed with."""
        self.token_keys: Tensor | None = None
        """The same of each token, while tokens are packed."""
        self.context = context
        context.layers.append(self)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if self.token_keys is not None and x.dim() == 3:
            return dropped(x, self.token_keys.unsqueeze(0), self.p)
        return dropped(x, self._told(), self.p)

    @property
    def by_sequence(self) -> native.Drop | None:
        """What is dropped of each sequence; None while nothing is."""
        if not self.training or self.p == 0.0:
            return None
        return native.Drop(self._told(), _share(self.p), 1.0 / (1.0 - self.p))

    def _told(self) -> Tensor:
        if self.keys is None:
            raise RuntimeError("dropout before the model was told which examples it sees")
        return self.keys

    def extra_repr(self) -> str:
        return f"p={self.p}, number={self.number}"


class SharedDropout(CounterDropout):
    """The same for a tensor of shape (..., features) that belongs to no sequence, so one mask serves all of a batch.

    It drops what the first row of the global batch would drop, whichever rows a micro-batch has.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        (keys,) = self.context.keys(torch.zeros(1, dtype=torch.int64, device=x.device), [self])
        return dropped(x.unsqueeze(0), keys, self.p)[0]


def dropped(x: Tensor, keys: Tensor, p: float) -> Tensor:
    """`x` with a share `p` of its elements set to zero, and the others divided by what stays.

    Args:
        x: of shape (*keys.shape, ..., features).
        keys: int32; what elements are hashed with, besides their place in the dimensions behind.
        p: probability.
    """
    keys, scale = _row_keys(x.shape, keys), 1.0 / (1.0 - p)
    if native.takes(x):
        return native.dropout(x, native.Drop(keys, _share(p), scale))
    return torch.where(_kept(x.shape[-1], keys, _share(p)), x * scale, 0.0)


def keep_mask(shape: torch.Size, p: float, keys: Tensor) -> Tensor:
    """Boolean mask of `shape` (*keys.shape, ..., features), true where an element stays (probability 1 - p)."""
    return _kept(shape[-1], _row_keys(shape, keys), _share(p))


def _row_keys(shape: torch.Size, keys: Tensor) -> Tensor:
    """What the elements of each row of the last dimension are hashed with: int32, of `shape` without the last."""
    for size in shape[keys.dim() : -1]:
        keys = _finalise(keys.unsqueeze(-1) * _odd(0x85EBCA6B) + _counter(size, keys.device))
    return keys


def _kept(features: int, keys: Tensor, share: int) -> Tensor:
    elements = _finalise(keys.unsqueeze(-1) ^ _finalise(_counter(features, keys.device) + _odd(0x27D4EB2F)))
    if torch.compiler.is_compiling():
        elements = _signed(elements)
    # The hash is uniform on the signed 32-bit integers; the lowest are dropped.
    return elements >= share - 2**31


def _share(p: float) -> int:
    """How many of the 2**32 hashes are dropped."""
    return min(round(p * 2**32), 2**32 - 1)


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


def _signed(h: Tensor) -> Tensor:
    """The signed integer of the lowest 32 bits, whatever stands above them.

    A kernel that torch compiles for a GPU may count places, and compute all that comes of them, in another width than
    was asked for (`TritonKernelOverrides.index_expr`; pytorch/pytorch issue 175966). All operations before this one
    keep the lowest 32 bits right in any width; a comparison would not.
    """
    high = (((h >> 16) & 0xFFFF) ^ 0x8000) - 0x8000
    return high * 0x10000 + (h & 0xFFFF)


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

    What low-rank adapters read is dropped with the probability that their modules have.

    Returns the context that must be kept up to date.
    """
    context = DropoutContext()
    attention_modules = {id(module): module for module in backbone.attention_modules}
    shared = {id(module) for module in backbone.shared_dropout}
    layer = 0
    for path, module in list(model.named_modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                p = attention if name == OWN and id(module) in attention_modules else hidden
                if ADAPTERS in path.split("."):
                    p = child.p
                kind = SharedDropout if id(child) in shared else CounterDropout
                setattr(module, name, kind(p, layer, context))
                layer += 1
    for module in attention_modules.values():
        if not isinstance(getattr(module, OWN, None), nn.Module):
            module.add_module(GIVEN, CounterDropout(attention, layer, context))
            layer += 1
    backbone.set_attention(ATTENTION)
    backbone.while_packed = context.packed
    return context
