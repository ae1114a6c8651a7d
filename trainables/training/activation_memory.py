"""What one worker of a training keeps for the backward pass, and works with, in one micro-batch.

Blocks after Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1), redone for what is kept here: of each subword,
without padding where blocks run without it; of each subword with its padding where attention is computed; of each
attention score, where attention drops some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainables.models.shape import ModelShape
from trainables.training.weights_memory import WEIGHT

DeviceType = Literal["cuda", "cpu"]


@dataclass(frozen=True)
class MicroBatch:
    """The largest that a worker takes through the model at once."""

    sequences: int
    longest: int
    """Subwords of the longest sequence: to which all are padded where attention is computed."""
    tokens: int
    """Subwords without padding."""

    @property
    def padded(self) -> int:
        return self.sequences * self.longest


@dataclass(frozen=True)
class Computing:
    """How a training computes, as far as memory depends on it."""

    precision: Literal["fp32", "bf16"] = "fp32"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    outputs: float = 0.0
    """Numbers that the head gives for each subword, in the mean; of a head on sequences, next to none."""
    head: int = 0
    """Parameters of the heads."""
    device: DeviceType = "cuda"
    saves: bool = False
    """Whether training states are saved: from a copy, which a thread writes while training goes on."""
    recomputed: bool = False
    """Whether blocks are recomputed in the backward pass (`Execution.checkpoint_activations`)."""
    adapters: int | None = None
    """Parameters that are trained of the backbone where adapters alone are; None: all of it is trained."""

    @property
    def native(self) -> bool:
        """Whether the kernels of `trainables.models.native` compute dropout and attention, which keep neither masks nor
        scores; a machine without a compiler has them not, and keeps more."""
        return self.device == "cpu" and self.precision == "fp32"

    @property
    def number(self) -> int:
        return 2 if self.precision == "bf16" else 4


def blocks(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """Bytes that all blocks keep at the turn from the forward to the backward pass: where they are recomputed their
    inputs, and all that the last one makes of its own."""
    if not computing.recomputed:
        return shape.layers * block(shape, computing, batch)
    tokens = batch.tokens if shape.packed else batch.padded
    return shape.layers * WEIGHT * shape.hidden * tokens + min(1, shape.layers) * block(shape, computing, batch)


def cast(shape: ModelShape, computing: Computing) -> int:
    """Bytes of weights in bf16: of one block where blocks are recomputed, and none of matrices that are held so."""
    if computing.precision != "bf16":
        return 0
    matrices = shape.matrices if computing.adapters is None else computing.adapters
    return 2 * matrices // (max(shape.layers, 1) if computing.recomputed else 1)


def width(shape: ModelShape) -> int:
    """Of all heads of a block together."""
    return shape.hidden if shape.attention is None else shape.attention


def block(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """Bytes that a block keeps for the backward pass."""
    h, f, a, b = shape.hidden, shape.inner, width(shape), computing.number
    tokens = batch.tokens if shape.packed else batch.padded
    dropping, mask = computing.dropout > 0, 0 if computing.native else 1
    # Inputs of attention, which autocast casts anew for each of its three projections; of both norms, in fp32; of the
    # feed-forward layer and of its activation; what attention gives.
    hidden = (3 * b if b == 2 else b) + 4 + 4 + b + 4 * shape.normed
    per_token = hidden * h + b * a + ((4 if shape.gated else 2) + shape.activations) * b * f + 16
    if dropping:
        per_token += 2 * mask * h
    padding = shape.packed and batch.tokens < batch.padded
    if computing.native and padding:  # attention over subwords without padding, without scores
        return tokens * (per_token + 3 * b * a + 4 * shape.heads)
    per_padded = 3 * b * a
    softmax = 4 if computing.device == "cuda" else b
    dropped = softmax + mask + b if computing.attention_dropout > 0 else 0
    if scores := max(dropped, b * shape.scores):
        per_padded += scores * shape.heads * batch.longest
    else:
        per_padded += 4 * shape.heads + (b * a if padding else 0)
    # DeBERTa: scores of distances, gathered, and what comes of their table. Fitted to measured peaks.
    per_padded += int(1.6 * b * shape.heads * shape.distances)
    return tokens * per_token + batch.padded * per_padded + 11 * b * shape.distances * h


def embeddings(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """What is kept before the first block: the input of a norm and its mask."""
    mask = 0 if computing.native or not computing.dropout else 1
    tokens = batch.tokens if shape.packed else batch.padded
    if shape.predicts_next:  # what masks the subwords that come later
        tokens_seen = 4 * batch.padded * batch.longest
        return tokens * (4 * shape.hidden + 8) + tokens_seen
    return tokens * ((4 + mask) * shape.hidden + 8)


def head(computing: Computing, batch: MicroBatch) -> int:
    """Logits, what the loss makes of them, and their gradients: three at a time."""
    return int(3 * WEIGHT * computing.outputs * batch.padded)


def working(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """What the fullest operation of the last block holds over what the blocks keep: gradients of its feed-forward
    layer, or attention scores with the hash of their dropout, when that layer has not run."""
    h, f = shape.hidden, shape.inner
    tokens = batch.tokens if shape.packed else batch.padded
    back = tokens * 4 * (f + h)
    if computing.attention_dropout == 0 or (computing.native and shape.packed and batch.tokens < batch.padded):
        return back
    per_score = 4 if computing.native else 11
    scores = batch.padded * batch.longest * shape.heads
    later = tokens * computing.number * ((3 if shape.gated else 2) * f + 2 * h)
    return max(back, per_score * scores - later)


def entry(shape: ModelShape, batch: MicroBatch) -> int:
    """What the embeddings' backward pass works with."""
    return 3 * WEIGHT * shape.hidden * batch.tokens
