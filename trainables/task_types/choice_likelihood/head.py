"""What a model that predicts the next subword says of each answer. It has no weights of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from trainables.models.backbones.modeling import Backbone
from trainables.recipe.likelihood import Likelihood, Normalisation

AT_ONCE = 2**25
"""Logits that are there together: 128 MiB in fp32. Of a vocabulary of 262,144 these are 128 places."""


class LikelihoodHead(nn.Module):
    """Log-likelihoods of answers.

    Args:
        backbone: its output embeddings are read; they are trained with it.
        way: `normalise` and `loss` of it.
    """

    def __init__(self, backbone: Backbone, way: Likelihood) -> None:
        super().__init__()
        self._way = way
        # In a list, so that parts of the backbone are not also parts of the head.
        self._backbone = [backbone]
        self.borrowed = tuple(backbone.output_embeddings)
        for module in self.borrowed:
            module.requires_grad_(True)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """For each answer of the micro-batch (answers x 3), in nats: its log-likelihood; that as `normalise` has it,
        which is compared; and what the loss is the negative of."""
        states = hidden.last_hidden_state.flatten(0, 1)[batch["wanted"]]
        at, targets = batch["at"], batch["targets"]
        pieces = []
        for start in range(0, len(states), step := max(1, AT_ONCE // self._backbone[0].shape.vocabulary)):
            here = (at >= start) & (at < start + step)
            pieces.append(
                (here, self._log_probabilities(states[start : start + step], at[here] - start, targets[here]))
            )
        tokens = torch.zeros(len(targets), dtype=torch.float32, device=states.device)
        for here, found in pieces:
            tokens = tokens.masked_scatter(here, found)
        sums = torch.stack([one.sum() for one in tokens.split(batch["counts"].tolist())])
        scores = sums if self._way.normalise is None else sums / _divisor(batch, self._way.normalise)
        terms = sums if self._way.loss == "answer" else _among_choices(scores, batch["choices"].tolist())
        return torch.stack([sums, scores, terms], dim=1)

    def _log_probabilities(self, states: Tensor, at: Tensor, targets: Tensor) -> Tensor:
        """Of each target behind the state that it is at. Logits are made again in the backward pass: kept, they would
        be most of what a training holds."""
        if torch.is_grad_enabled() and states.requires_grad:
            found: Tensor = checkpoint(self._looked_up, states, at, targets, use_reentrant=False)
            return found
        return self._looked_up(states, at, targets)

    def _looked_up(self, states: Tensor, at: Tensor, targets: Tensor) -> Tensor:
        logits = self._backbone[0].vocabulary_logits(states).float()
        return F.log_softmax(logits, dim=-1)[at, targets]


def _divisor(batch: Mapping[str, Tensor], normalise: Normalisation) -> Tensor:
    return batch["counts" if normalise == "subwords" else normalise]


def _among_choices(scores: Tensor, choices: list[int]) -> Tensor:
    """Log-probabilities of a softmax over the answers of each row."""
    rows = pad_sequence(list(scores.split(choices)), batch_first=True, padding_value=float("-inf"))
    found = F.log_softmax(rows, dim=-1)
    return torch.cat([row[:count] for row, count in zip(found, choices, strict=True)])
