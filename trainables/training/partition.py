"""Weights that are read from files under ZeRO stage 3: each worker keeps its part, and none ever holds all of them.

As transformers does it: it makes the model part by part, each divided among the workers before the next is made, and
copies the files' tensors into it one module after another. The first worker alone reads values (the files are mapped
into memory, not copied) and sends them to the others. So a worker holds, besides its part, one module's weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist

from trainables.models.backbones.modeling import Backbone
from trainables.models.loading import ModelSource, load_backbone, location
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, RandomInit
from trainables.store import Store
from trainables.training.disk import allocating, disk_of
from trainables.training.engine import join
from trainables.training.weights_memory import zero_options


def load_divided(origin: ModelSource, store: Store, execution: Execution) -> Backbone:
    """The backbone of `origin`, divided among the workers; adapters are merged one matrix after another. Every worker
    must call. Weights that are drawn (`RandomInit`) are whole on each, and divided when the engine is made.

    Raises as `load_backbone` does, WrongWeights on all workers: the first one alone sees the shapes in the files.
    """
    files = origin
    while isinstance(files, CheckpointRef) and files.over is not None:
        files = files.over
    if isinstance(files, RandomInit):
        return load_backbone(origin, store, execution)
    backbone, wrong = None, None
    try:
        location(files, store, execution)  # what brings them here may load a model, whole
        # Other weights of an execution that offloads to a disk come there when the engine is made.
        offload = execution.offload
        disk = disk_of(execution) if offload is not None and offload.parameters == "nvme" else None
        with partitioned(execution), allocating(disk):
            backbone = load_backbone(origin, store, execution)
    except WrongWeights as error:
        wrong = str(error)
    found: list[str | None] = [wrong]
    if dist.get_world_size() > 1:
        found = [None] * dist.get_world_size()
        dist.all_gather_object(found, wrong)
    for message in found:
        if message is not None:
            raise WrongWeights(message)
    assert backbone is not None
    return backbone


@contextmanager
def partitioned(execution: Execution) -> Iterator[None]:
    """While transformers loads a model whose weights are to be divided as `execution` has it. Every worker must come
    here, and load the same."""
    from transformers.integrations.deepspeed import HfDeepSpeedConfig, unset_hf_deepspeed_config

    join()
    config = HfDeepSpeedConfig({"train_micro_batch_size_per_gpu": 1, "zero_optimization": zero_options(execution, 1)})
    try:
        yield
    finally:
        unset_hf_deepspeed_config()
        del config  # transformers asks for it as long as it is there
