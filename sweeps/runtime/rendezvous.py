"""How the workers of a training on one machine find each other: in a file.

torch's usual rendezvous is a server on a port of the first worker that listens on every interface of the machine.
Between machines that is what one wants; on a laptop in a café it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import _set_torch_distributed_env_vars, _setup_torch_process_group, _TorchBackend


@dataclass
class OneMachine(TorchConfig):
    """A `TorchConfig` whose `init_method` is a `file://` URL that nothing has written to yet."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        return _OneMachine


class _OneMachine(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: OneMachine) -> None:
        worker_group.execute(_set_torch_distributed_env_vars)
        size = len(worker_group)
        ray.get(
            [
                worker_group.execute_single_async(
                    rank,
                    _setup_torch_process_group,
                    backend=backend_config.backend,
                    world_rank=rank,
                    world_size=size,
                    init_method=backend_config.init_method,
                    timeout_s=backend_config.timeout_s,
                )
                for rank in range(size)
            ]
        )
