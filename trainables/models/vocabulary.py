"""Exact vocabulary trimming: of the table of subwords, only the rows that a training can touch are trained.

Two thirds of XLM-R's base-size parameters are its table of 250,002 subwords, and a training on one language touches a
tenth of its rows. A row that no batch ever reads has zero gradients, so both moments of AdamW stay zero and all that
moves it is weight decay: after updates at rates l_0, l_1, ... it has been multiplied by (1 - l_0 d)(1 - l_1 d)... (the
decoupled decay of Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2). So it need be neither trained, reduced over
the workers, clipped nor kept in training states: the product is applied when weights leave the loop. What comes out is
equal to training the whole table, up to the rounding of that product.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from trainables.models.task_model import TaskModel

SCALE = "scalar_embed_scale"
"""By what Gemma's table multiplies the vectors that it gives."""


class TrimmedEmbedding(nn.Module):
    """Some rows of a table of subwords, read by the subwords' own ids."""

    def __init__(self, table: nn.Embedding, kept: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(table.weight.detach()[kept].clone(), table.weight.requires_grad)
        row_of = torch.full((table.num_embeddings,), -1)
        row_of[kept] = torch.arange(len(kept))
        self.row_of = nn.Buffer(row_of, persistent=False)
        self.scale = getattr(table, SCALE, 1.0)
        padding = table.padding_idx
        self.padding_idx = None if padding is None else int(row_of[padding])

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of subwords, of shape (..., hidden). Raises IndexError for one that is not kept (on the CPU)."""
        vectors = nn.functional.embedding(self.row_of[ids], self.weight, self.padding_idx)
        return vectors if self.scale == 1.0 else vectors * self.scale


class TrimmedVocabulary:
    """The rows of a model's table that are not trained, and how to put the table together again."""

    def __init__(self, model: TaskModel, kept: Tensor) -> None:
        """Put a table of the rows `kept` (their ids, ascending) in the place of the whole one of `model`."""
        table = model.word_embeddings
        self.name = next(name for name, weight in model.named_parameters() if weight is table.weight)
        self.kept, self._table = kept, table.weight.detach().cpu()
        self.trained = table.weight.requires_grad
        """Whether the rows that are kept are trained; where low-rank adapters are, none is."""
        self.rows, self.width = table.weight.shape
        trimmed = TrimmedEmbedding(table, kept)
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if child is table:
                    setattr(parent, name, trimmed)

    def forget_rest(self) -> None:
        """Free the rows that are not trained, on a worker that writes no weights."""
        self._table = self._table[:0]

    def restore(self, weights: dict[str, Tensor], decay: float) -> None:
        """Put the whole table into gathered `weights`, where they hold any of it; `decay`: what weight decay has
        multiplied untrained rows by."""
        if not self.trained:
            return
        table = self._table * decay
        table[self.kept] = weights[self.name]
        weights[self.name] = table

    def record(self) -> dict[str, int]:
        """What trimming spared: of each value that is not trained, gradient and two moments besides itself, in fp32."""
        trained = len(self.kept)
        return {"rows": self.rows, "trained": trained, "bytes_spared": (self.rows - trained) * self.width * 16}


def can_trim(model: TaskModel) -> bool:
    """Whether the table of subwords is an ordinary one that nothing else in the model shares."""
    table = model.word_embeddings
    if type(table) is not nn.Embedding and not hasattr(table, SCALE):
        return False
    holders = [name for name, module in model.named_modules() if getattr(module, "weight", None) is table.weight]
    return len(holders) == 1


def subwords_in(columns: Iterable[Iterable[np.ndarray]], special: Iterable[int], vocabulary: int) -> Tensor:
    """The ids that stand in some columns of chunks of ids, or are `special`: ascending, int64."""
    seen = np.zeros(vocabulary, dtype=bool)
    seen[list(special)] = True
    for column in columns:
        for ids in column:
            seen[ids] = True
    return torch.from_numpy(np.flatnonzero(seen))
