"""What the workers of a training tell each other without their devices: a question that is asked over the network of
their hosts waits for no kernel."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = timedelta(days=1)
"""How long a worker waits for the others, which may be writing much to a slow store. What hangs is for the watchdog."""

SIOCGIFADDR = 0x8915
"""Linux: which address has an interface (netdevice(7))."""


class HostGroup:
    """All workers of the training; each of them must make it, and must call what it calls. For one thread."""

    def __init__(self) -> None:
        several = dist.get_world_size() > 1
        first = os.environ.get("MASTER_ADDR")
        if several and first and dist.get_backend() == "nccl" and (interface := interface_to(first)):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
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


def interface_to(address: str) -> str | None:
    """The network interface over which this host reaches another one (Linux, IPv4); None where that cannot be told.

    By itself gloo takes the one that the host's name resolves to, which on many hosts is loopback; NCCL does not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # sends nothing
            own = probe.getsockname()[0]
        except OSError:
            return None
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:  # it has no such address
                continue
            if socket.inet_ntoa(answer[20:24]) == own:
                return name
    return None
