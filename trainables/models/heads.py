"""Heads that several task types share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def held_elsewhere(head: nn.Module) -> set[str]:
    """Names of the weights of a head that are those of files that do not change, and are read from there again: what is
    written of the head leaves them out. A module says so by an attribute of this function's name."""
    return {
        f"{name}.{weight}" if name else weight
        for name, module in head.named_modules()
        if getattr(module, "held_elsewhere", False)
        for weight, _ in module.named_parameters()
    }


class ClassifierHead(nn.Module):
    """Dropout, dense, tanh, dropout, linear on the first token: the head of RoBERTa and of the study."""

    def __init__(self, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout_in, self.dense = nn.Dropout(dropout), nn.Linear(hidden, hidden)
        # Single scores are compared with each other: a bias would get rounding noise as gradient, which Adam scales up.
        self.dropout_out, self.out = nn.Dropout(dropout), nn.Linear(hidden, classes, bias=classes > 1)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (sequences × classes)."""
        first = self.dropout_in(hidden.sentence)
        logits: Tensor = self.out(self.dropout_out(torch.tanh(self.dense(first))))
        return logits


class TokenHead(nn.Module):
    """Dropout, linear on every token."""

    def __init__(self, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(hidden, outputs)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (examples × tokens × outputs)."""
        logits: Tensor = self.out(self.dropout(hidden.last_hidden_state))
        return logits
