"""Local files and folders that steps need: they must be at the same place on every node that may carry one out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sweeps.plan.graph import Step
from trainables.tasks.task import HUB


def paths_of(steps: Iterable[Step]) -> list[str]:
    """Models that the steps start from, dictionaries, folders of data, and those that are offloaded to, absolute, each
    once."""
    found: dict[str, None] = {}
    for step in steps:
        found |= dict.fromkeys(step.execution.model_paths.values())
        found |= dict.fromkeys(step.execution.dictionary_paths.values())
        offload = step.execution.offload
        if offload is not None and offload.folder is not None and step.kind.distributed:
            found[offload.folder] = None
        for task in step.recipe.raw_tasks:
            place = step.execution.data_of(task.name)
            if task.source == "files" and place is not None and place != HUB:
                found[place] = None
    return [str(Path(path).expanduser()) for path in found]
