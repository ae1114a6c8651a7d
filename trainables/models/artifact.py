"""What a training step leaves: backbone, tokenizer and heads, as safetensors."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from trainables.models.loading import load_backbone, load_tokenizer
from trainables.models.task_model import TaskModel
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.store import HEAD, MODEL, Store


def save_artifact(
    artifact_dir: Path, model: TaskModel, tokenizer: PreTrainedTokenizerBase, weights: dict[str, Tensor]
) -> None:
    """Write `model/` and the heads from gathered `weights`, keyed as `model.state_dict()`."""
    part = {name: {} for name in ("backbone", "heads")}  # type: dict[str, dict[str, Tensor]]
    for key, tensor in weights.items():
        owner, _, name = key.partition(".")
        part[owner][name] = tensor
    # Training states may hold what was there under other names.
    shutil.rmtree(artifact_dir / MODEL, ignore_errors=True)
    (artifact_dir / HEAD).unlink(missing_ok=True)
    model.backbone.save_pretrained(artifact_dir / MODEL, state_dict=part["backbone"])
    tokenizer.save_pretrained(artifact_dir / MODEL)
    if part["heads"]:
        save_file({name: t.contiguous() for name, t in part["heads"].items()}, artifact_dir / HEAD)


def export_model(step: str, store: Store, to: Path, half: bool) -> None:
    """Write backbone and tokenizer of a done training step into the directory `to`; `half`: as fp16.

    Raises OverflowError when a weight is too large for half precision.
    """
    logging.disable_progress_bar()
    origin, execution = CheckpointRef(step=step), Execution()
    backbone = load_backbone(origin, store, execution).model
    if half:
        backbone = backbone.half()
        lost = [name for name, weight in backbone.named_parameters() if not torch.isfinite(weight).all()]
        if lost:
            raise OverflowError(f"{step}: weights beyond half precision in {', '.join(lost[:5])}; export without it")
    backbone.save_pretrained(to)
    load_tokenizer(origin, store, execution).save_pretrained(to)
