"""The shape of an encoder: what its configuration says of parameters and of floating-point operations."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.outside.text import shown

LARGEST = 10_000_000
"""More than any size of an encoder."""
UNBOUNDED = 1_000_000
"""Usable positions of an encoder that knows positions by their distances alone: no table of them ends."""


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a transformer encoder, whatever its configuration calls them."""

    layers: int
    """Blocks."""
    hidden: int
    """Width of a block's input and output."""
    inner: int
    """Width of a block's feed-forward layer."""
    heads: int
    """Attention heads of a block."""
    vocabulary: int
    positions: int
    """Rows of the table of position embeddings; 0: there is none."""
    usable_positions: int
    """Subwords, special tokens included, that a sequence may have."""
    types: int
    """Segments that have an embedding of their own."""
    attention: int | None = None
    """Width of all heads of a block together; None: `hidden`."""
    gated: bool = False
    """Whether a block's feed-forward layer has a third matrix, whose output gates that of the first."""
    relative: int = 0
    """Parameters of relative positions, all blocks together."""
    packed: bool = False
    """Whether its blocks are run on subwords without padding (`trainables.models.packing`)."""
    scores: int = 0
    """Matrices of attention scores that a block keeps for the backward pass whatever attention drops."""
    distances: int = 0
    """Distances between subwords to which each of them has attention scores of their own."""
    activations: int = 0
    """Outputs of its feed-forward layer that a block keeps for that beyond input and output of the activation."""
    mask_token: bool = True
    """Whether its tokenizers have one, without which masked LM cannot be learnt."""

    def check(self) -> None:
        """Raises ValueError where there can be no such encoder."""
        for name in ("layers", "hidden", "inner", "heads", "vocabulary"):
            if not 1 <= getattr(self, name) <= LARGEST:
                raise ValueError(f"{name}: {shown(getattr(self, name))}; give 1 to {LARGEST:,}")
        if self.attention is None and self.hidden % self.heads:
            raise ValueError(
                f"{self.heads} attention heads do not divide a hidden size of {self.hidden}; change one of them"
            )

    @property
    def matrices(self) -> int:
        """Parameters of the blocks' matrices: what every subword is multiplied by, and so no embedding."""
        attention = self.hidden if self.attention is None else self.attention
        return self.layers * self.hidden * (4 * attention + (3 if self.gated else 2) * self.inner)

    @property
    def parameters(self) -> int:
        """All of them, embeddings, biases and norms included, without a pooler or a head.

        Biases and norms are counted as BERT has them; other encoders have fewer, by less than 1 % of the whole."""
        vectors = self.layers * (9 * self.hidden + self.inner) + self.relative
        return self.matrices + vectors + (self.vocabulary + self.positions + self.types + 2) * self.hidden

    def forward(self, length: float) -> float:
        """FLOPs of one subword through the blocks, in sequences of `length`: 2 for each weight of a matrix, and
        4 x layers x length x the heads' width for attention's two products, in which all see all.

        Kaplan et al. 2020 (arXiv 2001.08361, section 2.1) and Chowdhery et al. 2022 (arXiv 2204.02311, appendix B).
        Training takes three times as much: the backward pass is twice a forward pass.
        """
        attention = self.hidden if self.attention is None else self.attention
        return 2.0 * self.matrices + 4.0 * self.layers * length * attention
