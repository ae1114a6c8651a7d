"""Execution: where and how a step runs. Nothing of it may change a number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from trainables.outside.fields import Count, NoTruth, Place, Positive
from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen

Workers = Annotated[int, Field(strict=True, gt=0, le=100_000)]


def _whole_above_one(value: float) -> float:
    if value > 1 and value != int(value):
        raise ValueError("of several GPUs none can be shared: give a whole number, or less than 1")
    return value


Gpus = Annotated[float, Field(strict=True, ge=0, le=1000), AfterValidator(_whole_above_one)]
"""Whole ones, or a share of one."""


class Offload(Frozen):
    """What of a training's state lies outside of the GPUs' memory: in that of their host (`cpu`), or in files on a disk
    of it (`nvme`), of which the host's memory holds what there is room for.

    The optimiser then computes on the CPU (Ren et al. 2021, arXiv 2101.06840; Rajbhandari et al. 2021, arXiv
    2104.07857).
    """

    optimizer: Literal["cpu", "nvme"] | None = None
    """Moments, the weights that are stepped, and gradients. Under ZeRO stage 1 and up."""
    parameters: Literal["cpu", "nvme"] | None = None
    """Weights, each brought to the GPU when it is needed. Under ZeRO stage 3."""
    folder: Place | None = None
    """For `nvme`: an absolute path, on each node a folder on a local disk. Nothing is left in it."""

    @model_validator(mode="after")
    def _complete(self) -> Offload:
        if self.optimizer is None and self.parameters is None:
            raise ValueError("nothing is offloaded; give optimizer: cpu, parameters: cpu, or both")
        if self.parameters is not None and (self.parameters == "nvme") != (self.optimizer == "nvme"):
            raise ValueError("optimizer and parameters lie in one place; give both cpu or both nvme")
        if self.optimizer == "nvme" and self.folder is None:
            raise ValueError("nvme takes folder: a path on a local disk of each node")
        if self.optimizer != "nvme" and self.folder is not None:
            raise ValueError("folder has no effect without optimizer: nvme; take it out")
        if self.folder is not None and not self.folder.startswith("/"):
            raise ValueError(f"folder is no absolute path (found {shown(self.folder)}); give one that each node has")
        return self

    @property
    def least_stage(self) -> int:
        """The ZeRO stage that it takes."""
        return 3 if self.parameters is not None else 1


class Execution(Frozen):
    """Where and how a step runs. Nothing here may change its numbers; none of it enters a fingerprint."""

    workers: Workers = 1
    """Processes that train one model together."""
    cpus_per_worker: Workers = 1
    gpus_per_worker: Gpus = 0
    zero_stage: Annotated[Literal[0, 1, 2, 3] | None, NoTruth] = None
    """How much of a model's state each worker keeps to itself; None: nothing (0) where there is one worker, and
    otherwise moments and gradients (2); where something is offloaded, what that takes."""
    micro_batch_tokens: Count = 8192
    """Padded tokens that one worker takes through the model at once."""
    trim_vocabulary: bool = Field(default=True, strict=True)
    """Train only the subword embeddings that the training's rows can touch; the others, which weight decay alone moves,
    follow in closed form (`trainables.models.vocabulary`). Off by itself where a loss reads the whole table."""
    compile: bool = Field(default=False, strict=True)
    """Fuse the kernels of the model's blocks with `torch.compile`: half a minute at a training's first update, then
    1.8 to 2.5 times as fast (XLM-R Large, H200). Without effect under ZeRO stage 3, which brings weights together
    between kernels, and, which is said, where torch finds no compiler. Losses are those of other executions to float
    tolerance. A CPU has kernels of its own (`trainables.models.native`), which compiled blocks do without."""
    checkpoint_activations: bool = Field(default=False, strict=True)
    """Keep of each block its inputs alone for the backward pass, and run it again there
    (`trainables.models.recomputation`): activations of one block in place of all, for a third more arithmetic."""
    offload: Offload | None = None
    """What of a training's state lies outside of the GPUs' memory."""
    log_every: Count = 20
    """Updates between points of the loss curve."""
    state_every: Count = 500
    """Updates between saved training states."""
    retries: int = Field(default=2, strict=True, ge=0, le=1000)
    """How often a step that failed is tried again, from its last training state."""
    stall_minutes: Positive = 30
    """A step that has given no sign for so long is taken for hung, and is tried again."""
    data: dict[str, str] = Field(default_factory=dict)
    """Folder in the XTREME download layout, or `hub`, by task; under `all` for the tasks that are not named."""
    model_paths: dict[str, str] = Field(default_factory=dict)
    """Absolute path of each local model, by its sha256."""
    dictionary_paths: dict[str, str] = Field(default_factory=dict)
    """Absolute path of each dictionary of code-switching, by its sha256."""
    plugins: tuple[str, ...] = ()
    """Modules that add task types, tasks, kinds of steps or backbones (`trainables.plugins`)."""
    task_files: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What the sweep's task files say, by their paths (`trainables.tasks.files`)."""

    def data_of(self, task: str) -> str | None:
        """Where a task's data is; that of `TASK@first-visible` is where TASK's is."""
        names = (task, task.partition("@")[0], "all")
        return next((self.data[name] for name in names if name in self.data), None)

    @property
    def stage(self) -> int:
        """The ZeRO stage in effect."""
        if self.zero_stage is not None:
            return self.zero_stage
        if self.offload is not None:
            return max(2, self.offload.least_stage)
        return 0 if self.workers == 1 else 2

    @model_validator(mode="after")
    def _offloads(self) -> Execution:
        if (problem := offload_problem(self.offload, self.zero_stage)) is not None:
            raise ValueError(problem)
        return self


def offload_problem(offload: Offload | None, zero_stage: int | None) -> str | None:
    """Why a ZeRO stage (None: it is left open) cannot offload that; None where it can."""
    if offload is None or zero_stage is None or zero_stage >= offload.least_stage:
        return None
    return f"offload takes zero_stage {offload.least_stage} or more (found {zero_stage}); leave zero_stage out"
