"""What a training step leaves: backbone or adapters, tokenizer and heads, as safetensors."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from trainables.models.gguf import gguf_of
from trainables.models.heads import held_elsewhere
from trainables.models.loading import ModelSource, checkpoint_dir, load_backbone, load_tokenizer
from trainables.models.task_model import TaskModel
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel
from trainables.store import HEAD, MODEL, Store, hash_model_dir


def save_artifact(
    artifact_dir: Path,
    model: TaskModel,
    tokenizer: PreTrainedTokenizerBase,
    weights: dict[str, Tensor],
    base: Mapping[str, Any] | None,
) -> None:
    """Write `model/` and the heads from gathered `weights`, keyed as `model.state_dict()`; of a model with adapters
    these alone, and what they lie on (`base_of`)."""
    elsewhere = held_elsewhere(model.heads)
    part = {name: {} for name in ("backbone", "heads")}  # type: dict[str, dict[str, Tensor]]
    for key, tensor in weights.items():
        owner, _, name = key.partition(".")
        if owner != "heads" or name not in elsewhere:
            part[owner][name] = tensor
    # Training states may hold what was there under other names.
    shutil.rmtree(artifact_dir / MODEL, ignore_errors=True)
    (artifact_dir / HEAD).unlink(missing_ok=True)
    if model.adapters is None:
        model.backbone.save_pretrained(artifact_dir / MODEL, state_dict=part["backbone"])
    else:
        model.adapters.save(artifact_dir / MODEL, part["backbone"], base or {})
        model.backbone.config.save_pretrained(artifact_dir / MODEL)
    tokenizer.save_pretrained(artifact_dir / MODEL)
    if part["heads"]:
        save_file({name: t.contiguous() for name, t in part["heads"].items()}, artifact_dir / HEAD)


def base_of(origin: ModelSource, store: Store) -> dict[str, Any]:
    """What adapters lie on: the `source` as a recipe has it; its `name` where it has one that others can look up: a hub
    id with its `revision`, or a step; and of a step the `sha256` of the files of its model."""
    said: dict[str, Any] = {"source": origin.model_dump(mode="json", exclude_none=True)}
    if isinstance(origin, HubModel):
        return said | {"name": origin.hub, "revision": origin.revision}
    if isinstance(origin, CheckpointRef):
        return said | {"name": origin.step, "sha256": hash_model_dir(checkpoint_dir(origin, store))}
    return said


def export_model(origin: CheckpointRef, store: Store, execution: Execution, to: Path, half: bool) -> None:
    """Write backbone and tokenizer of what a training step has left into the directory `to`, adapters merged into what
    they lie on; `half`: as fp16.

    Raises OverflowError when a weight is too large for half precision, and WrongWeights where what adapters lie on is
    not what they were trained on.
    """
    logging.disable_progress_bar()
    _check_base(origin, store)
    backbone = load_backbone(origin, store, execution).model
    if half:
        backbone = backbone.half()
        lost = [name for name, weight in backbone.named_parameters() if not torch.isfinite(weight).all()]
        if lost:
            raise OverflowError(
                f"{origin.step}: weights beyond half precision in {', '.join(lost[:5])}; export without it"
            )
    backbone.save_pretrained(to)
    load_tokenizer(origin, store, execution).save_pretrained(to)


def export_adapters(origin: CheckpointRef, store: Store, execution: Execution, to: Path) -> None:
    """Write the adapters of a training step as peft opens them: with the name of a model of the hub or the path of a
    local one that they lie on; where that is a checkpoint, a GGUF file or was random, it is written into `to/base`.

    Raises WrongWeights where what they lie on is not what they were trained on.
    """
    from trainables.models.lora import readdressed

    assert origin.over is not None
    logging.disable_progress_bar()
    _check_base(origin, store)
    said = base_of(origin.over, store)
    path = Path(execution.model_paths[origin.over.sha256]) if isinstance(origin.over, LocalModel) else None
    if path is not None and gguf_of(path) is None:
        said["name"] = str(path.absolute())
    elif not isinstance(origin.over, HubModel):
        said["name"] = str((to / "base").absolute())
        load_backbone(origin.over, store, execution).model.save_pretrained(to / "base")
        load_tokenizer(origin, store, execution).save_pretrained(to / "base")
    shutil.copytree(checkpoint_dir(origin, store), to, dirs_exist_ok=True)
    readdressed(to, said)


def _check_base(origin: CheckpointRef, store: Store) -> None:
    """Whether the checkpoints that adapters lie on are those of their training, all the way down: a step that was made
    again, by another machine perhaps, has other bits. Raises WrongWeights."""
    over = origin.over
    if not isinstance(over, CheckpointRef):
        return
    from trainables.models.lora import BASE

    found = base_of(over, store)["sha256"]
    if store.read_json(origin.step, f"{MODEL}/{BASE}").get("sha256") != found:
        raise WrongWeights(
            f"{origin.step}: {over.step}, which its adapters lie on, was made again since; delete "
            f"{store.locate(origin.step)} and run the sweep again"
        )
    _check_base(over, store)
