"""What one worker of a training holds of weights, moments and gradients, by ZeRO stage and by what is offloaded.

Stages after Rajbhandari et al. 2020 (arXiv 1910.02054, section 5), with what DeepSpeed 0.19 holds besides in fp32: in
stages 1 to 3 the optimiser steps a copy of its part of the weights. What is offloaded lies in the host's memory, with
the gradients that the optimiser reads there. Weights that are not trained (`Held.frozen`) have neither
gradient nor moments; where a training computes in bf16, their matrices are held in bf16, which is what they would be
cast to before every product. On a disk lies what is held all the time; what is made anew in each update is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainables.recipe.execution import Execution

WEIGHT, GRADIENT, MOMENTS = 4, 4, 8
"""Bytes per trained parameter: all are fp32 whatever the training computes in, and Adam has two moments."""
REDUCE_BUCKET = 50_000_000
"""Gradients that are added up over the workers at once under ZeRO stages 1 to 3. DeepSpeed's own 500 million are 2 GB
that each worker holds whatever the size of its model."""
ALL_REDUCE = 500_000_000
"""The same under stage 0, which DeepSpeed has fixed."""
LIVE = 100_000_000
"""Weights that a worker has whole at once under stage 3. DeepSpeed's own 1,000 million are all of most encoders."""

SUB_GROUP = 1_000_000_000
"""Weights that DeepSpeed's stage 3 steps as one."""


def reduce_bucket(parameters: int) -> int:
    """Numbers in DeepSpeed's bucket of a model with so many trained parameters."""
    return max(1, min(parameters, REDUCE_BUCKET))


def zero_options(execution: Execution, parameters: int) -> dict[str, Any]:
    """DeepSpeed's `zero_optimization` for a model with so many trained parameters."""
    options: dict[str, Any] = {"stage": execution.stage, "reduce_bucket_size": reduce_bucket(parameters)}
    if execution.stage == 3:
        options |= {"stage3_max_live_parameters": LIVE, "stage3_max_reuse_distance": LIVE}
    if (offload := execution.offload) is not None:
        for name, device in (("offload_optimizer", offload.optimizer), ("offload_param", offload.parameters)):
            if device is not None:
                options[name] = {"device": "cpu"}  # on a disk, too, it is mapped into memory (`.disk`)
    return options


@dataclass(frozen=True)
class Held:
    """The parameters of a model that is trained, in part or whole."""

    trained: int
    frozen: int = 0
    """Bytes of all that are not trained."""
    largest: int = 0
    """Parameters of the largest one, which no stage has in parts while it is used."""

    @property
    def live(self) -> int:
        """Bytes of weights that are whole at once under stage 3."""
        return min(WEIGHT * self.trained + self.frozen, WEIGHT * max(LIVE, self.largest))


PLACES = {"cpu": "host", "nvme": "disk"}
Parts = dict[str, int]
"""Bytes by names of `trainables.training.memory.Memory`; `host` and `disk`: outside of the GPU."""


def between_updates(held: Held, execution: Execution) -> Parts:
    """What is held all the time."""
    stage, workers, offload = execution.stage, execution.workers, execution.offload
    trained, part = held.trained, -(-held.trained // workers)
    if stage == 0:
        return {"weights": WEIGHT * trained, "frozen": held.frozen, "moments": MOMENTS * trained}
    own = {"weights": WEIGHT * part, "moments": MOMENTS * part}  # what the optimiser steps
    if stage < 3:
        parts = {"weights": WEIGHT * trained, "frozen": held.frozen}
    else:
        parts = {"weights": WEIGHT * part, "frozen": -(-held.frozen // workers)}
        own["gradients"] = GRADIENT * part
    if offload is None:
        parts = _added(parts, own)
    else:
        if offload.parameters is not None:
            parts = {PLACES[offload.parameters]: sum(parts.values())}
        stepped = {"gradients": GRADIENT * part, **own}
        parts = _added(parts, {PLACES[offload.optimizer]: sum(stepped.values())} if offload.optimizer else own)
    return _added(parts, {"buckets": GRADIENT * reduce_bucket(trained)}) if stage == 3 else parts


def _added(one: Parts, other: Parts) -> Parts:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def gradients_before(held: Held, execution: Execution, micro_batches: int) -> Parts:
    """Gradients and buckets at the turn of a micro-batch, and weights that are whole then, besides those that are held
    all the time."""
    stage, parameters = execution.stage, held.trained
    part, bucket = -(-parameters // execution.workers), GRADIENT * reduce_bucket(parameters)
    several = micro_batches > 1
    if stage == 0:
        return {"gradients": GRADIENT * parameters if several else 0}
    if stage == 1:
        return {"gradients": GRADIENT * parameters if several else 0, "buckets": bucket}
    if stage == 2:
        name = "host" if execution.offload is not None else "gradients"
        return {name: GRADIENT * part if several else 0, "buckets": (2 if several else 1) * bucket}
    return {"weights": held.live, "buckets": bucket}


def gradients_at_the_end(held: Held, execution: Execution, micro_batches: int) -> Parts:
    """The same at the end of the last backward pass."""
    stage, parameters = execution.stage, held.trained
    part, bucket = -(-parameters // execution.workers), GRADIENT * reduce_bucket(parameters)
    if stage == 0:
        reduced = min(parameters, ALL_REDUCE) if execution.workers > 1 else 0
        return {"gradients": GRADIENT * parameters, "buckets": GRADIENT * reduced}
    if stage == 3:
        offloaded = execution.offload and execution.offload.optimizer
        name = PLACES[offloaded] if offloaded else "gradients"
        return {name: GRADIENT * part, "buckets": bucket, "weights": held.live}
    if execution.offload is not None:  # its part of the gradients is in the host's memory, with what steps it
        whole = GRADIENT * parameters - bucket if stage == 1 else 0
        return {"gradients": whole, "host": GRADIENT * part if micro_batches > 1 else 0, "buckets": 2 * bucket}
    if stage == 1:
        reduced, copied = GRADIENT * parameters - bucket, GRADIENT * part
    else:
        reduced, copied = GRADIENT * part if micro_batches > 1 else 0, 2 * GRADIENT * part
    # First a bucket is copied to be added up, then this worker's part of the gradients for its optimiser.
    if copied > bucket:
        return {"gradients": reduced + copied, "buckets": bucket}
    return {"gradients": reduced, "buckets": 2 * bucket}
