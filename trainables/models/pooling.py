"""One vector for a sequence, from the states of a backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from trainables.models.backbones.modeling import Backbone, mean_pool
from trainables.recipe.tasks import PoolingConfig

DEPTH = 14 / 24


class LayerPooling(nn.Module):
    """One vector per sequence from one hidden layer. No parameters."""

    wants_all_layers = True

    def __init__(self, backbone: Backbone, vectors: PoolingConfig) -> None:
        super().__init__()
        layers = backbone.shape.layers
        self.layer = retrieval_layer(layers) if vectors.layer is None else vectors.layer
        self.pooling = vectors.pooling
        if self.layer > layers:
            raise ValueError(f"vectors.layer is {self.layer}, but the model has {layers} blocks; give 0 to {layers}")

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Vectors (sequences × hidden)."""
        states = hidden.hidden_states[self.layer]
        return states[:, 0] if self.pooling == "first" else mean_pool(states, batch["attention_mask"])


def retrieval_layer(layers: int) -> int:
    """Of so many blocks the one that stands at the same share of the depth as the reference's does in XLM-R Large."""
    return max(1, round(DEPTH * layers))
