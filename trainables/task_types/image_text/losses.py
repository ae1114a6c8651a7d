"""Losses over all pairs of a batch, as sums over its pairs, from unit vectors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

LARGEST = math.log(100.0)
"""Of the logarithm of the inverse temperature: logits are never scaled by more than 100 (CLIP, section 2.5)."""
INFONCE = math.log(1 / 0.07)
"""Where it begins: CLIP, section 2.5."""
SIGMOID = math.log(10.0), -10.0
"""Where it and the bias begin: SigLIP, section 3.2."""


class _Clamped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        return value.clamp(max=LARGEST)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (value,) = ctx.saved_tensors
        return torch.where((value >= LARGEST) & (gradient < 0), 0.0, gradient)


def clamped(log_scale: Tensor) -> Tensor:
    """At most `LARGEST`; and no gradient that would take it further.

    CLIP's code clamps the parameter after each update. That cannot be done to a parameter of which each worker holds a
    part, and this gives the same scale: it stays at the bound until a gradient takes it back.
    """
    found: Tensor = _Clamped.apply(log_scale)
    return found


def infonce(logits: Tensor, ignored: Tensor) -> Tensor:
    """Cross-entropy in both directions, halved (Radford et al. 2021, figure 3).

    Args:
        logits: scaled cosines, captions x images.
        ignored: pairs that are neither right nor wrong, off the diagonal: bool, of the same shape.
    """
    logits = logits.masked_fill(ignored, float("-inf"))
    right = torch.arange(len(logits), device=logits.device)
    by_caption = F.cross_entropy(logits, right, reduction="sum")
    return (by_caption + F.cross_entropy(logits.T, right, reduction="sum")) / 2


def sigmoid(logits: Tensor, ignored: Tensor) -> Tensor:
    """The sum over all pairs of -log sigmoid(±(logit)) (Zhai et al. 2023, algorithm 1); arguments as of `infonce`."""
    signs = 2.0 * torch.eye(len(logits), device=logits.device) - 1.0
    return -F.logsigmoid(signs * logits).masked_fill(ignored, 0.0).sum()
