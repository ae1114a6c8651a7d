"""Masked language modelling on plain text and on translation pairs in one row (TLM, Conneau & Lample 2019).

15 % of the subwords are predicted: 80 % of them masked, 10 % replaced, 10 % kept (Devlin et al. 2019). Which ones is
drawn anew for each global batch, from the recipe's seed and the step alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import InputEncoder
from trainables.models.tokenizer_files import WrongTokenizer
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.language_modelling import IGNORED, LanguageModelling
from trainables.task_types.masked_lm.schema import PREDICTED
from trainables.task_types.modeling import Feature

MASKED, REPLACED = 0.8, 0.1


class MaskedLMHead(nn.Module):
    """Dense, gelu, layer norm, then the transposed input embedding and a bias: RoBERTa's head."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        hidden = backbone.shape.hidden
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden, eps=backbone.norm_eps)
        self.bias = nn.Parameter(torch.zeros(backbone.shape.vocabulary))
        # In a list, so that the backbone's embedding is not also a parameter of the head.
        self._embedding = [backbone.word_embeddings]

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (predicted subwords × vocabulary), only where there is something to predict."""
        chosen = hidden.last_hidden_state[batch["labels"] != IGNORED]
        chosen = self.norm(F.gelu(self.dense(chosen)))
        return F.linear(chosen, self._embedding[0].weight, self.bias)


class MaskedLM(LanguageModelling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """Raises WrongTokenizer where there is no mask token."""
        if encoder.tokenizer.mask_token_id is None:
            raise WrongTokenizer(
                f"{encoder.tokenizer.name_or_path}: its tokenizer has no mask token, which {task.name} needs; give "
                "another model, or another objective"
            )
        return super().encode(examples, encoder, task, max_length)

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return MaskedLMHead(backbone)

    def add_noise(
        self, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase, rng: np.random.Generator
    ) -> list[Feature]:
        special = np.array(sorted(tokenizer.all_special_ids))
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), special)
        corrupted = []
        for feature in features:
            ids = np.array(feature["input_ids"])
            candidates = np.flatnonzero(~np.isin(ids, special))
            count = min(len(candidates), max(1, round(PREDICTED * len(candidates))))
            chosen = np.sort(rng.choice(candidates, size=count, replace=False))
            labels = np.full(len(ids), IGNORED)
            labels[chosen] = ids[chosen]
            fate = rng.random(count)
            random_ids = rng.choice(ordinary, size=count)
            ids[chosen[fate < MASKED]] = tokenizer.mask_token_id
            replaced = (fate >= MASKED) & (fate < MASKED + REPLACED)
            ids[chosen[replaced]] = random_ids[replaced]
            corrupted.append({**feature, "input_ids": ids.tolist(), "labels": labels.tolist()})
        return corrupted
