"""Execution: where and how a step runs. Nothing of it may change a number."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.recipe.canonical import Frozen


class Execution(Frozen):
    """Where and how a step runs. Nothing here may change its numbers; none of it enters a fingerprint."""

    workers: int = Field(default=1, gt=0)
    """Processes that train one model together."""
    cpus_per_worker: int = Field(default=1, gt=0)
    gpus_per_worker: float = Field(default=0, ge=0)
    zero_stage: Literal[0, 1, 2, 3] = 2
    micro_batch_tokens: int = Field(default=8192, gt=0)
    """Padded tokens that one worker takes through the model at once."""
    trim_vocabulary: bool = True
    """Train only the subword embeddings that the training's rows can touch; the others, which weight decay alone moves,
    follow in closed form (`trainables.models.vocabulary`). Off by itself where a loss reads the whole table."""
    log_every: int = Field(default=20, gt=0)
    """Updates between points of the loss curve."""
    state_every: int = Field(default=500, gt=0)
    """Updates between saved training states."""
    retries: int = Field(default=2, ge=0)
    """How often a step that failed is tried again, from its last training state."""
    stall_minutes: float = Field(default=30, gt=0)
    """A step that has given no sign for so long is taken for hung, and is tried again."""
    data: dict[str, str] = Field(default_factory=dict)
    """Folder in the XTREME download layout, or `hub`, by task; under `all` for the tasks that are not named."""
    model_paths: dict[str, str] = Field(default_factory=dict)
    """Absolute path of each local model, by its sha256."""

    plugins: tuple[str, ...] = ()
    """Modules that add task types, tasks, kinds of steps or backbones (`trainables.plugins`)."""

    def data_of(self, task: str) -> str | None:
        """Where a task's data is."""
        return self.data.get(task, self.data.get("all"))
