"""What one worker of a training, or an evaluation, holds at most: one estimate for planning, preflight and retries.

What is counted are tensors, as `torch.cuda.max_memory_allocated` counts them; neither the context of a GPU nor the
pieces between tensors (`CONTEXT`, `PIECES`). Three moments can be the fullest:

- the turn from the forward to the backward pass of a micro-batch: weights, moments, the gradients of micro-batches
  before it, all that its blocks keep for the backward pass, and what one operation or the head works with;
- the end of the backward pass: all gradients, and where several workers add them, the buckets for that;
- on a CPU, where it is the same memory, the writing of weights: a copy of them and the whole table of subwords.

Each term says what the implementation keeps (`trainables.models.attention`, `dropout`, `packing`, `vocabulary`;
DeepSpeed 0.19): of each subword, without padding where blocks run without it; of each subword with its padding where
attention is computed; of each attention score, where attention drops some. Blocks after Korthikanti et al. 2022 (arXiv
2205.05198, section 4.1), redone for what is kept here; stages after Rajbhandari et al. 2020 (arXiv 1910.02054, section
5). Held against measured peaks by `tests/sweeps/cost/test_memory.py` and, for larger models,
`tests/benchmarks/memory.py`. Fused kernels (`execution.compile`) keep less; how much less is not modelled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from trainables.models.shape import ModelShape
from trainables.recipe.execution import Execution

DeviceType = Literal["cuda", "cpu"]
WEIGHT, GRADIENT, MOMENTS = 4, 4, 8
"""Bytes per parameter: all are fp32 whatever the training computes in, and Adam has two moments."""
REDUCE_BUCKET = 50_000_000
"""Gradients that are added up over the workers at once under ZeRO stages 1 to 3. DeepSpeed's own 500 million are 2 GB
that each worker holds whatever the size of its model."""
ALL_REDUCE = 500_000_000
"""The same under stage 0, which DeepSpeed has fixed."""
LIVE = 100_000_000
"""Weights that a worker has whole at once under stage 3. DeepSpeed's own 1,000 million are all of most encoders."""
CONTEXT = int(1.5 * 2**30)
"""Bytes that a process holds on a GPU besides tensors: CUDA's context and libraries. Assumed."""
PIECES = 1.1
"""What the allocator of a GPU holds over what tensors have. Assumed."""


def reduce_bucket(parameters: int) -> int:
    """Numbers in DeepSpeed's bucket of a model with so many trained parameters."""
    return max(1, min(parameters, REDUCE_BUCKET))


def zero_options(stage: int, parameters: int) -> dict[str, int]:
    """DeepSpeed's `zero_optimization` for a model with so many trained parameters."""
    options = {"stage": stage, "reduce_bucket_size": reduce_bucket(parameters)}
    if stage == 3:
        options |= {"stage3_max_live_parameters": LIVE, "stage3_max_reuse_distance": LIVE}
    return options


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

    @property
    def native(self) -> bool:
        """Whether the kernels of `trainables.models.native` compute dropout and attention, which keep neither masks nor
        scores; a machine without a compiler has them not, and keeps more."""
        return self.device == "cpu" and self.precision == "fp32"

    @property
    def number(self) -> int:
        return 2 if self.precision == "bf16" else 4


@dataclass(frozen=True)
class Memory:
    """Bytes that a worker holds in the fullest moment, by what they are."""

    weights: int = 0
    """Those that are trained, whole or in part, and under ZeRO the part that the optimiser has of its own."""
    moments: int = 0
    gradients: int = 0
    buckets: int = 0
    """What gradients are added up in over the workers."""
    cast: int = 0
    """Weights in bf16."""
    blocks: int = 0
    """What blocks and embeddings keep for the backward pass."""
    head: int = 0
    """What head and loss keep and work with."""
    working: int = 0
    """What the largest single operation works with."""
    untrained: int = 0
    """Rows of the table of subwords that are not trained: on a CPU alone, elsewhere they are in the host's memory."""
    saved: int = 0
    """The copy of weights and moments from which a training state is written: on a CPU alone."""
    writing: int = 0
    """Copies of weights that are written: on a CPU alone."""

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    @property
    def on_gpu(self) -> int:
        """What a process with such tensors takes of a GPU."""
        return int(self.total * PIECES) + CONTEXT


def training_memory(
    shape: ModelShape,
    computing: Computing,
    execution: Execution,
    batch: MicroBatch,
    micro_batches: int = 1,
    trained_rows: int | None = None,
) -> Memory:
    """What a worker of a training holds at most.

    Args:
        batch: its largest micro-batch.
        micro_batches: of an update, on one worker.
        trained_rows: of the table of subwords; None: all of them.
    """
    rows = shape.vocabulary if trained_rows is None else min(trained_rows, shape.vocabulary)
    parameters = shape.parameters - (shape.vocabulary - rows) * shape.hidden + computing.head
    state = _state(parameters, execution)
    if computing.device == "cpu" and rows < shape.vocabulary:
        state["untrained"] = WEIGHT * shape.vocabulary * shape.hidden
    if computing.device == "cpu" and computing.saves:
        state["saved"] = -(-(WEIGHT + MOMENTS) * parameters // execution.workers)
    kept = shape.layers * _block(shape, computing, batch) + _embeddings(shape, computing, batch)
    cast = 2 * shape.matrices if computing.precision == "bf16" else 0
    moments = [
        _sum(
            state,
            _gradients_before(parameters, execution, micro_batches),
            {"cast": cast, "blocks": kept, "working": _working(shape, computing, batch)},
        ),
        _sum(
            state,
            _gradients_before(parameters, execution, micro_batches),
            {"cast": cast, "blocks": kept, "head": _head(computing, batch)},
        ),
        _sum(state, _gradients_at_the_end(parameters, execution, micro_batches), {"working": _entry(shape, batch)}),
    ]
    if computing.device == "cpu":
        whole = WEIGHT * shape.vocabulary * shape.hidden if rows < shape.vocabulary else 0
        moments.append(_sum(state, {"writing": WEIGHT * parameters + whole}))
    return max(moments, key=lambda memory: memory.total)


def evaluation_memory(shape: ModelShape, computing: Computing, batch: MicroBatch, all_layers: bool = False) -> Memory:
    """What an evaluation by itself holds at most: weights, and what a block works with.

    `all_layers`: whether its head reads the outputs of all blocks.
    """
    tokens, padded = batch.tokens if shape.packed else batch.padded, batch.padded
    ffn = (2 * (3 if shape.gated else 2) * shape.inner // 2 + 3 * shape.hidden) * tokens
    attention = 4 * _width(shape) * padded + 3 * shape.hidden * tokens
    cast = 2 * shape.matrices if computing.precision == "bf16" else 0
    return Memory(
        weights=WEIGHT * (shape.parameters + computing.head),
        cast=cast,
        head=int(2 * WEIGHT * computing.outputs * batch.padded),
        blocks=WEIGHT * shape.layers * shape.hidden * tokens if all_layers else 0,
        working=WEIGHT * max(ffn, attention),
    )


def _sum(*parts: dict[str, int]) -> Memory:
    names = dict.fromkeys(name for part in parts for name in part)
    return Memory(**{name: sum(part.get(name, 0) for part in parts) for name in names})


# --- weights, moments, gradients ---------------------------------------------------------------------------------


def _state(parameters: int, execution: Execution) -> dict[str, int]:
    """What is held between updates."""
    stage, workers = execution.stage, execution.workers
    if stage == 0:
        return {"weights": WEIGHT * parameters, "moments": MOMENTS * parameters}
    part = -(-parameters // workers)
    if stage < 3:  # the optimiser has its part of the weights in a tensor of its own
        return {"weights": WEIGHT * (parameters + part), "moments": MOMENTS * part}
    return {
        "weights": 2 * WEIGHT * part,
        "moments": MOMENTS * part,
        "gradients": GRADIENT * part,
        "buckets": GRADIENT * reduce_bucket(parameters),
    }


def _gradients_before(parameters: int, execution: Execution, micro_batches: int) -> dict[str, int]:
    """Gradients and buckets at the turn of a micro-batch, and weights that are whole then, besides `_state`."""
    stage, part = execution.stage, -(-parameters // execution.workers)
    bucket = GRADIENT * reduce_bucket(parameters)
    several = micro_batches > 1
    if stage == 0:
        return {"gradients": GRADIENT * parameters if several else 0}
    if stage == 1:
        return {"gradients": GRADIENT * parameters if several else 0, "buckets": bucket}
    if stage == 2:
        return {"gradients": GRADIENT * part if several else 0, "buckets": (2 if several else 1) * bucket}
    return {"weights": WEIGHT * min(parameters, LIVE), "buckets": bucket}


def _gradients_at_the_end(parameters: int, execution: Execution, micro_batches: int) -> dict[str, int]:
    """The same at the end of the last backward pass."""
    stage, part = execution.stage, -(-parameters // execution.workers)
    bucket = GRADIENT * reduce_bucket(parameters)
    if stage == 0:
        reduced = min(parameters, ALL_REDUCE) if execution.workers > 1 else 0
        return {"gradients": GRADIENT * parameters, "buckets": GRADIENT * reduced}
    if stage == 1:
        reduced, copied = GRADIENT * parameters - bucket, GRADIENT * part
    elif stage == 2:
        reduced, copied = GRADIENT * part if micro_batches > 1 else 0, 2 * GRADIENT * part
    else:
        return {"gradients": GRADIENT * part, "buckets": bucket, "weights": WEIGHT * min(parameters, LIVE)}
    # First a bucket is copied to be added up, then this worker's part of the gradients for its optimiser.
    if copied > bucket:
        return {"gradients": reduced + copied, "buckets": bucket}
    return {"gradients": reduced, "buckets": 2 * bucket}


# --- activations -------------------------------------------------------------------------------------------------


def _width(shape: ModelShape) -> int:
    return shape.hidden if shape.attention is None else shape.attention


def _block(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """Bytes that a block keeps for the backward pass."""
    h, f, a, b = shape.hidden, shape.inner, _width(shape), computing.number
    tokens = batch.tokens if shape.packed else batch.padded
    dropping, mask = computing.dropout > 0, 0 if computing.native else 1
    # Inputs of attention, which autocast casts anew for each of its three projections; of both norms, in fp32; of the
    # feed-forward layer and of its activation; what attention gives.
    hidden = (3 * b if b == 2 else b) + 4 + 4 + b
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


def _embeddings(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
    """What is kept before the first block: the input of a norm and its mask."""
    mask = 0 if computing.native or not computing.dropout else 1
    tokens = batch.tokens if shape.packed else batch.padded
    return tokens * ((4 + mask) * shape.hidden + 8)


def _head(computing: Computing, batch: MicroBatch) -> int:
    """Logits, what the loss makes of them, and their gradients: three at a time."""
    return int(3 * WEIGHT * computing.outputs * batch.padded)


def _working(shape: ModelShape, computing: Computing, batch: MicroBatch) -> int:
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


def _entry(shape: ModelShape, batch: MicroBatch) -> int:
    """What the embeddings' backward pass works with."""
    return 3 * WEIGHT * shape.hidden * batch.tokens
