"""What one worker of a training, or an evaluation, holds at most: one estimate for planning, preflight and retries.

What is counted are tensors, as `torch.cuda.max_memory_allocated` counts them; neither the context of a GPU nor the
pieces between tensors (`CONTEXT`, `PIECES`). Three moments can be the fullest:

- the turn from the forward to the backward pass of a micro-batch: weights, moments, the gradients of micro-batches
  before it, all that its blocks keep for the backward pass, and what one operation or the head works with;
- the end of the backward pass: all gradients, and where several workers add them, the buckets for that;
- on a CPU, where it is the same memory, the writing of weights: a copy of them and the whole table of subwords.

Each term says what the implementation keeps: `trainables.training.weights_memory` of weights, moments and gradients,
`trainables.training.activation_memory` of a micro-batch. Held against measured peaks by
`tests/sweeps/cost/test_memory.py` and, for larger models, `tests/benchmarks/memory.py`; against DeepSpeed's own
estimators by the former. Fused kernels (`execution.compile`) keep less; how much less is not modelled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from trainables.models.shape import ModelShape
from trainables.recipe.execution import Execution
from trainables.training import activation_memory as kept
from trainables.training.activation_memory import Computing, DeviceType, MicroBatch
from trainables.training.weights_memory import (
    MOMENTS,
    SUB_GROUP,
    WEIGHT,
    Held,
    between_updates,
    gradients_at_the_end,
    gradients_before,
)

__all__ = ["Computing", "DeviceType", "Memory", "MicroBatch", "evaluation_memory", "held_parameters", "training_memory"]
CONTEXT = int(1.5 * 2**30)
"""Bytes that a process holds on a GPU besides tensors: CUDA's context and libraries. Assumed."""
PIECES = 1.1
"""What the allocator of a GPU holds over what tensors have. Assumed."""


@dataclass(frozen=True)
class Memory:
    """Bytes that a worker holds in the fullest moment, by what they are."""

    weights: int = 0
    """Those that are trained, whole or in part, and under ZeRO the part that the optimiser has of its own."""
    frozen: int = 0
    """Weights that are not trained."""
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
    offloaded: int = 0
    """What is offloaded to the same memory: on a CPU alone."""
    host: int = 0
    """Of its host's memory, beside a GPU: what is offloaded and the copies from which states are written; or before,
    where that is more, all weights as they are read, if they are not divided then."""
    first: int = 0
    """The same, of the first worker beside that: whole weights that it writes."""
    disk: int = 0
    """What lies on its host's disk of what is offloaded, with the copies from which states are written."""

    @property
    def total(self) -> int:
        """Of the device's memory."""
        return sum(asdict(self).values()) - self.host - self.first - self.disk

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
    held = held_parameters(shape, computing, rows)
    computing = replace(computing, recomputed=execution.checkpoint_activations)
    state, whole = between_updates(held, execution), WEIGHT * shape.vocabulary * shape.hidden
    to_disk = execution.offload is not None and execution.offload.folder is not None
    if to_disk and computing.device == "cpu":
        state = {"disk": sum(state.values())}  # all that DeepSpeed makes of the host's memory lies there
    trimmed = whole if rows < shape.vocabulary else 0
    saved = -(-(WEIGHT + MOMENTS) * held.trained // execution.workers) if computing.saves else 0
    turn = _sum(
        state,
        gradients_before(held, execution, micro_batches),
        {"cast": kept.cast(shape, computing)},
        {"blocks": kept.blocks(shape, computing, batch) + kept.embeddings(shape, computing, batch)},
    )
    ended = _sum(state, gradients_at_the_end(held, execution, micro_batches))
    moments = [
        replace(turn, working=kept.working(shape, computing, batch)),
        replace(turn, head=kept.head(computing, batch)),
        replace(ended, working=kept.entry(shape, batch)),
    ]
    written, on_disk, moving = WEIGHT * held.trained, 0, 0
    if to_disk:  # copies lie there too, made one by one
        written, on_disk, saved = WEIGHT * held.largest, saved + written, 0
        moving = WEIGHT * min(-(-held.trained // execution.workers), SUB_GROUP)
    moments = [replace(one, disk=one.disk + on_disk) for one in moments]
    if computing.device == "cuda":
        fullest = max(moments, key=lambda memory: memory.total)
        read = WEIGHT * shape.parameters if execution.stage < 3 else 0
        host = max(read, fullest.host + max(saved, moving))
        return replace(fullest, host=host, first=trimmed + written)
    moments.append(replace(_sum(state), writing=max(written + trimmed, moving)))
    here = [replace(one, offloaded=one.host, host=0, untrained=trimmed, saved=saved) for one in moments]
    return max(here, key=lambda memory: memory.total)


def held_parameters(shape: ModelShape, computing: Computing, rows: int) -> Held:
    """Parameters that are trained and that are not."""
    largest = max(rows * shape.hidden, shape.inner * shape.hidden)
    backbone = shape.parameters - shape.output - (shape.vocabulary - rows) * shape.hidden
    if computing.adapters is None:
        frozen = WEIGHT * shape.output
        return Held(backbone + computing.head, frozen, largest)
    matrix = 2 if computing.precision == "bf16" else WEIGHT
    frozen = WEIGHT * (backbone + shape.output - shape.matrices) + matrix * shape.matrices
    return Held(computing.adapters + computing.head, frozen, largest)


def evaluation_memory(shape: ModelShape, computing: Computing, batch: MicroBatch, all_layers: bool = False) -> Memory:
    """What an evaluation by itself holds at most: weights, and what a block works with.

    `all_layers`: whether its head reads the outputs of all blocks.
    """
    tokens, padded = batch.tokens if shape.packed else batch.padded, batch.padded
    ffn = (2 * (3 if shape.gated else 2) * shape.inner // 2 + 3 * shape.hidden) * tokens
    attention = 4 * kept.width(shape) * padded + 3 * shape.hidden * tokens
    spared = (WEIGHT - 2) * shape.matrices if computing.precision == "bf16" else 0  # matrices are held in bf16
    return Memory(
        weights=WEIGHT * (shape.parameters + computing.head) - spared,
        head=int(2 * WEIGHT * computing.outputs * batch.padded),
        blocks=WEIGHT * shape.layers * shape.hidden * tokens if all_layers else 0,
        working=WEIGHT * max(ffn, attention),
    )


def _sum(*parts: dict[str, int]) -> Memory:
    names = dict.fromkeys(name for part in parts for name in part)
    return Memory(**{name: sum(part.get(name, 0) for part in parts) for name in names})
