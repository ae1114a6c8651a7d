"""What the workers of a training tell each other without their devices: a question that is asked over the network of
their hosts waits for no kernel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = timedelta(days=1)
"""How long a worker waits for the others, which may be writing much to a slow store. What hangs is for the watchdog."""


class HostGroup:
    """All workers of the training; each of them must make it, and must call what it calls. For one thread."""

    def __init__(self) -> None:
        several = dist.get_world_size() > 1
        self._group = dist.new_group(backend="gloo", timeout=PATIENCE) if several else None

    def most(self, value: int) -> int:
        """The largest `value` of all workers."""
        if self._group is None:
            return value
        tensor = torch.tensor(value)
        dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self._group)
        return int(tensor)

    def gather(self, value: Any) -> list[Any]:
        """The `value` of every worker, in their order."""
        if self._group is None:
            return [value]
        values: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(values, value, group=self._group)
        return values

    def close(self) -> None:
        """Leave it."""
        if self._group is not None:
            dist.destroy_process_group(self._group)
