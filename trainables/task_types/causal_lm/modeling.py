"""Causal language modelling: each subword, and the end of the text, is predicted from those before it, by the output
embeddings that the model was pretrained with. Nothing is drawn; a pair is read as one text after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainables.models.backbones.modeling import Backbone
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.language_modelling import IGNORED, LanguageModelling
from trainables.task_types.modeling import Feature


class CausalLMHead(nn.Module):
    """The model's own output embeddings; it has no weights of its own."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        # In a list, so that parts of the backbone are not also parts of the head.
        self._backbone = [backbone]
        self.borrowed = tuple(backbone.output_embeddings)
        for module in self.borrowed:
            module.requires_grad_(True)

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (predicted subwords x vocabulary), only where there is something to predict."""
        return self._backbone[0].vocabulary_logits(hidden.last_hidden_state[batch["labels"] != IGNORED])


class CausalLM(LanguageModelling):
    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return CausalLMHead(backbone)

    def num_loss_terms(self, features: Sequence[Feature]) -> int:
        return sum(len(feature["input_ids"]) - 1 for feature in features)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """`labels`: of each place the subword behind it."""
        labels = [[*feature["input_ids"][1:], IGNORED] for feature in features]
        return super().collate([{**one, "labels": row} for one, row in zip(features, labels, strict=True)], pad_id)
