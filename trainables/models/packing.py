"""Sequences without their padding: all tokens of a micro-batch in one row, and back.

What padding costs depends on how unlike the lengths are: a third of the arithmetic in batches of sentences. Whatever
acts on each token alone (projections, feed-forward layers, norms, dropout) is run on the tokens in one row; attention
sees them by sequence. No number changes but by the order of additions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from trainables.models import native

PLACES = "places"
"""What a collated batch calls the places of its tokens among all of its places; not there where nothing is padded."""


@dataclass(frozen=True)
class Packing:
    """Where the tokens of a padded micro-batch lie."""

    places: Tensor
    """Of each token: sequence * width + position. int64, ascending, of shape (tokens,)."""
    mask: Tensor
    """True where a token is: (sequences, width)."""

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Packing | None:
        """Of a collated batch; None where nothing is padded and nothing is gained."""
        mask = batch["attention_mask"]
        if PLACES in batch:
            return cls(batch[PLACES], mask.bool())
        if mask.device.type == "cpu" and native.library() is not None:  # whose attention is one of packed tokens
            return cls(mask.flatten().nonzero().squeeze(1), mask.bool())
        return None

    def pack(self, padded: Tensor) -> Tensor:
        """(sequences, width, ...) as (1, tokens, ...)."""
        packed: Tensor = _Pack.apply(padded.flatten(0, 1), self.places)
        return packed.unsqueeze(0)

    def unpack(self, packed: Tensor) -> Tensor:
        """(1, tokens, ...) as (sequences, width, ...), with zeros where there is no token."""
        padded: Tensor = _Unpack.apply(packed.squeeze(0), self.places, self.mask.numel())
        return padded.unflatten(0, self.mask.shape)

    @cached_property
    def starts(self) -> Tensor:
        """Where each sequence starts among all tokens, and where the last one ends: int64, (sequences + 1,)."""
        return nn.functional.pad(self.mask.sum(1).cumsum(0), (1, 0))

    @property
    def sequences(self) -> Tensor:
        """Of each token the number of its sequence."""
        return self.places // self.mask.shape[1]

    @property
    def positions(self) -> Tensor:
        """Of each token its position in its sequence."""
        return self.places % self.mask.shape[1]

    def attention_bias(self, dtype: torch.dtype) -> Tensor:
        """What is added to attention scores, so that no token sees padding: (sequences, 1, 1, width)."""
        bias = torch.zeros(self.mask.shape, dtype=dtype, device=self.mask.device)
        return bias.masked_fill(~self.mask, torch.finfo(dtype).min)[:, None, None, :]


# Each is the other's gradient. Written out, since autograd would add gradients to places one by one, though no two
# tokens share a place.


class _Pack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, flat: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size = len(flat)
        return flat.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (places,) = ctx.saved_tensors
        return _scattered(gradient, places, ctx.size), None


class _Unpack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(places)
        return _scattered(tokens, places, size)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (places,) = ctx.saved_tensors
        return gradient.index_select(0, places), None, None


def _scattered(tokens: Tensor, places: Tensor, size: int) -> Tensor:
    return tokens.new_zeros(size, *tokens.shape[1:]).index_copy_(0, places, tokens)
