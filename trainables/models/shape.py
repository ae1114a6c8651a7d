"""The shape of a model: what its configuration says of parameters and of floating-point operations."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainables.outside.text import shown

LARGEST = 10_000_000
"""More than any size of an encoder."""
UNBOUNDED = 1_000_000
"""Usable positions of an encoder that knows positions by their distances alone: no table of them ends."""


@dataclass(frozen=True)
class Linear:
    """A linear module of every block."""

    name: str
    """Its path in the model, with `{}` for the number of the block."""
    inputs: int
    outputs: int
    attention: bool = False
    """Whether it is a projection of attention: of queries, keys, values, or of the output."""

    @property
    def short(self) -> str:
        """Its path in a block."""
        return self.name.partition("{}.")[2]


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a transformer encoder or decoder, whatever its configuration calls them."""

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
    key_values: int | None = None
    """Width of all key heads of a block together, and of all value heads; None: `attention`."""
    gated: bool = False
    """Whether a block's feed-forward layer has a third matrix, whose output gates that of the first."""
    relative: int = 0
    """Parameters of relative positions, all blocks together."""
    vectors: int | None = None
    """Parameters of all biases and norms; None: as many as BERT has."""
    output: int = 0
    """Parameters of output embeddings that are not the table of subwords (LLaMA's `lm_head`): they are trained by
    causal LM alone."""
    packed: bool = False
    """Whether its blocks are run on subwords without padding (`trainables.models.packing`)."""
    scores: int = 0
    """Matrices of attention scores that a block keeps for the backward pass whatever attention drops."""
    distances: int = 0
    """Distances between subwords to which each of them has attention scores of their own."""
    activations: int = 0
    """Outputs of its feed-forward layer that a block keeps for that beyond input and output of the activation."""
    normed: int = 0
    """Vectors of `hidden` numbers in fp32 that the norms of a block keep for that beyond their inputs."""
    mask_token: bool = True
    """Whether its tokenizers have one, without which masked LM cannot be learnt."""
    causal: bool | None = None
    """Of a decoder whether its tokens see those before them alone, as causal LM needs it; None: an encoder."""
    linears: tuple[Linear, ...] = field(default=(), compare=False, repr=False)
    """Linear modules of a block, where its kind of backbone says them (`BackboneType.linears`)."""

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
    def is_decoder(self) -> bool:
        """Whether it was made to predict the next subword, whatever its tokens see here."""
        return self.causal is not None

    @property
    def predicts_next(self) -> bool:
        """Whether it can predict the next subword."""
        return self.causal is True

    @property
    def matrices(self) -> int:
        """Parameters of the blocks' matrices: what every subword is multiplied by, and so no embedding."""
        attention = self.hidden if self.attention is None else self.attention
        key_values = attention if self.key_values is None else self.key_values
        feed_forward = (3 if self.gated else 2) * self.inner
        return self.layers * self.hidden * (2 * attention + 2 * key_values + feed_forward)

    @property
    def parameters(self) -> int:
        """All of them, embeddings, biases, norms and `output` included, without a pooler or a head.

        Where an encoder does not say how many biases and norms it has, they are counted as BERT has them; others have
        fewer, by less than 1 % of the whole."""
        vectors = self.layers * (9 * self.hidden + self.inner) + 2 * self.hidden
        if self.vectors is not None:
            vectors = self.vectors
        tables = (self.vocabulary + self.positions + self.types) * self.hidden
        return self.matrices + vectors + self.relative + tables + self.output

    def forward(self, length: float) -> float:
        """FLOPs of one subword through the blocks, in sequences of `length`: 2 for each weight of a matrix, and
        4 x layers x length x the heads' width for attention's two products, in which all see all.

        Kaplan et al. 2020 (arXiv 2001.08361, section 2.1) and Chowdhery et al. 2022 (arXiv 2204.02311, appendix B).
        Training takes three times as much: the backward pass is twice a forward pass.
        """
        attention = self.hidden if self.attention is None else self.attention
        return 2.0 * self.matrices + 4.0 * self.layers * length * attention
