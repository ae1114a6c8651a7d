"""Tensors of the host that lie on a local disk (NVMe), as what is offloaded there does.

Each is a file that is mapped into memory: the operating system keeps of it there what there is room for, writes back
what was changed, and reads what is asked for again. So DeepSpeed and AdamW do with it what they do with tensors of the
host, in the same order, with the same numbers, under any ZeRO stage; a training state copies it like any other. The
files have no names: whatever ends the process, nothing is left of them in the folder.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainables.failure import NonRetryable
from trainables.recipe.execution import Execution

LEAST = 2**20
"""Bytes of the smallest tensor that is worth a file."""


class NoRoom(NonRetryable, RuntimeError):
    """A folder that does not take the files."""


class Disk:
    """A folder on a disk of this machine, which must be there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def empty(self, count: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor of one dimension with so many zeros, all of whose room is taken at once.

        Raises NoRoom where the folder is not there, cannot be written or has less room.
        """
        size = count * dtype.itemsize
        if size < LEAST:
            return torch.zeros(count, dtype=dtype)
        try:
            with tempfile.TemporaryFile(dir=self._folder, prefix="xstilts-") as file:
                os.posix_fallocate(file.fileno(), 0, size)
                return torch.frombuffer(mmap.mmap(file.fileno(), size), dtype=dtype)
        except OSError as error:
            raise NoRoom(
                f"execution.offload.folder: {self._folder[-150:]}: {size / 2**30:.1f} GiB more cannot be taken there "
                f"({error.strerror}): give a folder with room on a disk of each node"
            ) from None

    def copy(self, tensor: Tensor) -> Tensor:
        """What a contiguous tensor holds, in a file."""
        return self.empty(tensor.numel(), tensor.dtype).copy_(tensor.reshape(-1)).view(tensor.shape)


def disk_of(execution: Execution) -> Disk | None:
    """Where a training offloads to a disk; None: it does not."""
    offload = execution.offload
    return None if offload is None or offload.folder is None else Disk(offload.folder)


def allocating(disk: Disk | None) -> AbstractContextManager[Any]:
    """While every large tensor of the host's that comes into being is one of `disk`, where there is one."""
    return nullcontext() if disk is None else _Allocating(disk)


class _Allocating(TorchDispatchMode):
    """What makes a tensor does not know of this, so one at a time of them is in memory."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if not isinstance(made, Tensor) or made.device.type != "cpu" or made.nbytes < LEAST:
            return made
        given = (one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor))
        if not made.is_contiguous() or any(_place(one) == _place(made) for one in given):
            return made
        return self._disk.copy(made)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
