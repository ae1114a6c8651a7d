"""The shape of an encoder: what its configuration says of parameters and of floating-point operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """An encoder of XLM-R's kind."""

    layers: int
    hidden: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    """Segments that have an embedding of their own."""

    @classmethod
    def of(cls, config: Mapping[str, Any], vocabulary: int | None = None) -> Shape:
        """From a `config.json`, or from an architecture and the size of its tokenizer's vocabulary."""
        hidden = int(config["hidden_size"])
        return cls(
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            inner=int(config.get("intermediate_size", 4 * hidden)),
            vocabulary=int(vocabulary or config["vocab_size"]),
            positions=int(config.get("max_position_embeddings", 514)),
            types=int(config.get("type_vocab_size", 2)),
        )

    @property
    def matrices(self) -> int:
        """Parameters of the blocks' matrices: what every subword is multiplied by, and so no embedding."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.inner)

    @property
    def parameters(self) -> int:
        """All of them, embeddings, biases and norms included, without a pooler or a head."""
        vectors = self.layers * (9 * self.hidden + self.inner)
        return self.matrices + vectors + (self.vocabulary + self.positions + self.types + 2) * self.hidden

    def forward(self, length: float) -> float:
        """FLOPs of one subword through the blocks, in sequences of `length`: 2 for each weight of a matrix, and
        4 x layers x length x hidden for attention's two products, in which all see all.

        Kaplan et al. 2020 (arXiv 2001.08361, section 2.1) and Chowdhery et al. 2022 (arXiv 2204.02311, appendix B).
        Training takes three times as much: the backward pass is twice a forward pass.
        """
        return 2.0 * self.matrices + 4.0 * self.layers * length * self.hidden


XLMR_LARGE = Shape(layers=24, hidden=1024, inner=4096, vocabulary=250_002, positions=514, types=1)
XLMR_BASE = Shape(layers=12, hidden=768, inner=3072, vocabulary=250_002, positions=514, types=1)
KNOWN: Mapping[str, Shape] = {
    **dict.fromkeys(("FacebookAI/xlm-roberta-large", "xlm-roberta-large"), XLMR_LARGE),
    **dict.fromkeys(("FacebookAI/xlm-roberta-base", "xlm-roberta-base"), XLMR_BASE),
}
"""Models of the hub whose shape is known without asking it (Conneau et al. 2020, arXiv 1911.02116, table 1)."""
