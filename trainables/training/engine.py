"""DeepSpeed: all that the training loop needs of it, and nothing else of the project knows it.

Execution must not change the numbers, so DeepSpeed is used in one way whatever the ZeRO stage: no accumulation of its
own (the loop says which micro-batch ends a global batch), torch's AdamW, fp32 weights, loss scaled by the loop.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C._distributed_c10d import HashStore

from trainables.models.task_model import TaskModel
from trainables.recipe.execution import Execution
from trainables.recipe.optimisation import Optimisation
from trainables.training.disk import allocating, disk_of
from trainables.training.slices import Slice, loaded, release, slices
from trainables.training.weights_memory import zero_options

if not torch.cuda.is_available():
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
# DeepSpeed's autotuner imports MLflow if it can, which takes seconds, and workers have no use for either.
without_mlflow = "mlflow" not in sys.modules
if without_mlflow:
    sys.modules["mlflow"] = None  # type: ignore[assignment]
import deepspeed  # noqa: E402
import torch.distributed as dist  # noqa: E402

if without_mlflow:
    del sys.modules["mlflow"]
logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
# A kernel for inference that DeepSpeed would compile at the first start on CPU; training never calls it.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


class Engine:
    """One worker's hold on the model that all workers train."""

    def __init__(self, model: TaskModel, optimisation: Optimisation, execution: Execution) -> None:
        join()
        self._execution = execution
        self.rank, self.workers = dist.get_rank(), dist.get_world_size()
        if self.workers != execution.workers:
            raise RuntimeError(f"{self.workers} workers started, the execution asks for {execution.workers}")
        self.stage = execution.stage
        self.device = torch.device(deepspeed.get_accelerator().current_device_name())
        self.model = model
        if execution.compile and self.stage < 3:
            model.compile_blocks(self.device.type)
        if execution.checkpoint_activations:
            model.recompute_blocks()
        self.disk = disk_of(execution)
        if model.adapters is not None and model.precision == "bf16":
            with allocating(self.disk if execution.offload and execution.offload.parameters == "nvme" else None):
                model.halve_matrices()
        for buffer in model.buffers():  # DeepSpeed moves none of a model that it has partitioned before
            buffer.data = buffer.data.to(self.device)
        self._clip = optimisation.clip
        self._parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self._optimizer = torch.optim.AdamW(
            _groups(model, optimisation.weight_decay),
            lr=optimisation.learning_rate,
            betas=(0.9, optimisation.adam_beta2),
            eps=optimisation.adam_eps,
            fused=True,
        )
        with allocating(self.disk):
            self._engine, *_ = deepspeed.initialize(
                model=model, optimizer=self._optimizer, config=self._config(optimisation), dist_init_required=False
            )
            self.slices()  # makes the moments
        self._alone = self.stage == 0 and self.workers == 1
        if self._alone:
            # DeepSpeed would copy all gradients into one tensor and back, though there is nobody to add them to.
            self._engine.enable_backward_allreduce = False

    def _config(self, optimisation: Optimisation) -> dict[str, Any]:
        return {
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": 1,
            "gradient_clipping": optimisation.clip if self.stage else 0.0,
            "zero_optimization": zero_options(self._execution, self._parameters),
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,  # torch's AdamW has a kernel for the CPU, too
            "steps_per_print": 10**9,
        }

    def place(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A micro-batch on the worker's device; of pinned tensors, without waiting for it."""
        return {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}

    def forward(self, batch: dict[str, Tensor], head: str) -> Tensor:
        """What a head makes of a micro-batch that is on the device."""
        output: Tensor = self._engine(batch, head)
        return output

    def backward(self, loss: Tensor, last: bool) -> None:
        """Add the gradients of a share of the global batch's mean loss; `last` for the share that completes it."""
        self._engine.set_gradient_accumulation_boundary(last)
        # DeepSpeed averages over the workers, and the loss is a sum over them.
        self._engine.backward(loss * self.workers)
        if last and self._alone:
            # As DeepSpeed has it wherever it adds gradients: what no loss has reached moves by its moments, and decays.
            for parameter in self.model.parameters():
                if parameter.requires_grad and parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        if last and self.stage == 0:
            self._optimizer.grad_scale = self._clipping()  # type: ignore[attr-defined]
        self._engine.step()

    def _clipping(self) -> Tensor:
        """What the optimiser's kernel divides gradients by, so that their norm is at most `clip`: no pass of its own,
        and no word to the host. Under other stages than 0 DeepSpeed clips, by the same formula."""
        norms = torch._foreach_norm([p.grad for p in self.model.parameters() if p.grad is not None])
        norm = torch.linalg.vector_norm(torch.stack(norms))
        return torch.clamp((norm + 1e-6) / self._clip, min=1.0)

    def set_learning_rate(self, rate: float) -> None:
        """The rate of the next update."""
        for group in self._engine.optimizer.param_groups:
            group["lr"] = rate

    def peak_memory(self) -> float | None:
        """The most GPU memory that this worker has held at once, in GiB; None without a GPU."""
        if self.device.type != "cuda":
            return None
        return float(torch.cuda.max_memory_allocated(self.device)) / 2**30

    def training(self, on: bool) -> None:
        """Switch dropout and its like."""
        self._engine.train(on)

    def sum(self, *values: float) -> list[float]:
        """Each value summed over all workers."""
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def gather(self, value: Any) -> list[Any]:
        """The `value` of every worker, in their order, on every worker."""
        if self.workers == 1:
            return [value]
        values: list[Any] = [None] * self.workers
        dist.all_gather_object(values, value)
        return values

    def whole(self, outputs: Tensor, rows: Sequence[int], total: int) -> Tensor:
        """What all workers have of the rows of a global batch, in their order: (total x columns), without gradients.

        Args:
            outputs: this worker's (rows x columns).
            rows: their places in the global batch; each place is one worker's.
        """
        found = torch.zeros(total, outputs.shape[1], dtype=outputs.dtype, device=self.device)
        found[torch.tensor(rows, dtype=torch.int64, device=self.device)] = outputs.detach()
        if self.workers > 1:
            dist.all_reduce(found)  # the others have zeros there, so the sum is the value itself
        return found

    def weights(self) -> dict[str, Tensor]:
        """What the model leaves behind, on the CPU, on the first worker (others get an empty dictionary). Every worker
        must call."""
        gathered = {}
        for name, parameter in self.model.kept_parameters():
            with deepspeed.zero.GatheredParameters([parameter], enabled=self.stage == 3):
                if self.rank == 0:
                    gathered[name] = parameter.detach().to("cpu", copy=True)
                    if self.disk is not None:
                        gathered[name] = self.disk.copy(gathered[name])
        return gathered

    def slices(self) -> list[Slice]:
        """What this worker holds of weights and moments: views, between two updates. Every worker must call."""
        return slices(self.model, self._engine.optimizer, self._optimizer, self.stage, self.rank)

    def loaded(self, updates: int) -> None:
        """Go on with what was copied into `slices`, as it was after so many updates. Every worker must call."""
        loaded(self.model, self._engine.optimizer, self._optimizer, self.stage, updates)

    def close(self) -> None:
        """Free what DeepSpeed holds. The process group stays for the process's next step; see `leave`."""
        self._engine.destroy()
        if self.stage:
            release(self.model, self._engine.optimizer, self._optimizer)


def leave() -> None:
    """Leave the process group, before the process ends: without this, ZeRO-3 on several workers may abort at exit."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _groups(model: TaskModel, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only: not for biases and layer norms, as in BERT and the study."""
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def join() -> None:
    """Join the process group that the launcher has made or described; alone, make one of a single process."""
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if dist.is_initialized() or "MASTER_ADDR" in os.environ:
        deepspeed.init_distributed(backend, auto_mpi_discovery=False, verbose=False)
        return
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1")
    # Alone it meets nobody, so no port is opened; torch's own meeting place would listen on every interface.
    dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    deepspeed.init_distributed(backend, auto_mpi_discovery=False, verbose=False)
