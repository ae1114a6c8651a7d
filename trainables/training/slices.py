"""What a training state must hold, where DeepSpeed keeps it: of each parameter the fp32 weight and AdamW's two moments.

Each worker has views of what it holds, as pieces of flattened parameters. ZeRO stage 0 keeps all of all three on every
worker; stages 1 and 2 keep all weights on every worker, and of the moments a partition (parameters one after another,
cut into equal parts); stage 3 keeps of every parameter one part in all three (Rajbhandari et al. 2020, arXiv
1910.02054; as DeepSpeed 0.19.8 has it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

WEIGHT = "weight"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Slice:
    """A piece of a parameter or of one of its moments, as one worker holds it."""

    kind: str
    """`weight`, `exp_avg` or `exp_avg_sq`."""
    parameter: str
    """Its name in the model."""
    start: int
    """Where in the flattened parameter it begins."""
    values: Tensor
    """fp32, of one dimension: a view, so what is copied into it is in effect."""
    shared: bool
    """Whether every worker holds the same."""

    @property
    def key(self) -> str:
        """What no other slice of this worker is called."""
        return f"{self.kind}/{self.parameter}"

    def share(self, rank: int, workers: int) -> Slice:
        """What one worker writes of it, so that all of them together write it once."""
        if not self.shared:
            return self
        count = len(self.values)
        first, last = count * rank // workers, count * (rank + 1) // workers
        return replace(self, start=self.start + first, values=self.values[first:last])


def slices(model: nn.Module, zero: Any, adam: torch.optim.AdamW, stage: int, rank: int) -> list[Slice]:
    """What this worker holds of `model`.

    Args:
        zero: DeepSpeed's optimiser.
        adam: the optimiser that it calls.
    """
    return list((_whole, _moments_cut, _moments_cut, _all_cut)[stage](model, zero, adam, rank))


def release(model: nn.Module, zero: Any, adam: torch.optim.AdamW) -> None:
    """Let go of all that they hold, under ZeRO stages 1 to 3: hooks that autograd keeps, out of the garbage collector's
    sight, hold the parameters and DeepSpeed's optimiser for as long as the process lives."""
    for parameter in model.parameters():
        parameter.grad, parameter.data, parameter._hp_mapping = None, torch.empty(0), None  # type: ignore[attr-defined]
        if hasattr(parameter, "ds_tensor"):
            parameter.ds_tensor.data = torch.empty(0)
    adam.state.clear()
    adam.param_groups.clear()
    vars(zero).clear()


def loaded(model: nn.Module, zero: Any, adam: torch.optim.AdamW, stage: int, updates: int) -> None:
    """Put what was copied into the views of `slices` into effect, as it was after so many updates."""
    for state in adam.state.values():
        state["step"].fill_(float(updates))
    if stage in (1, 2):  # the weights that are stepped are a copy
        for _, parameter in _trained(model):
            if (mapping := parameter._hp_mapping) is not None:  # type: ignore[attr-defined]
                address = mapping.lp_fragment_address
                mapping.hp_fragment.detach().copy_(_flat(parameter).narrow(0, address.start, address.numel))
    if stage == 3:
        for here, stepped in zip(zero.fp16_partitioned_groups_flat, zero.fp32_partitioned_groups_flat, strict=True):
            here.data.copy_(stepped.data)  # here, too, they may be a copy
        if small := zero.persistent_parameters:  # beside their parts these are whole on every worker
            small[0].partition(small)
            small[0].all_gather(small)


def _whole(model: nn.Module, zero: Any, adam: torch.optim.AdamW, rank: int) -> Iterator[Slice]:
    for name, parameter in _trained(model):
        yield Slice(WEIGHT, name, 0, _flat(parameter), True)
        for kind, values in _moments(adam, parameter).items():
            yield Slice(kind, name, 0, values.view(-1), True)


def _moments_cut(model: nn.Module, zero: Any, adam: torch.optim.AdamW, rank: int) -> Iterator[Slice]:
    for name, parameter in _trained(model):
        yield Slice(WEIGHT, name, 0, _flat(parameter), True)
        if (mapping := parameter._hp_mapping) is not None:  # type: ignore[attr-defined]
            partition = zero.single_partition_of_fp32_groups[mapping.param_group_index]
            here, there = mapping.hp_fragment_address, mapping.lp_fragment_address
            for kind, values in _moments(adam, partition).items():
                yield Slice(kind, name, there.start, values.narrow(0, here.start, here.numel), False)


def _all_cut(model: nn.Module, zero: Any, adam: torch.optim.AdamW, rank: int) -> Iterator[Slice]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group, partition in zip(zero.fp16_groups, zero.fp32_partitioned_groups_flat, strict=True):
        held = {WEIGHT: partition.detach(), **_moments(adam, partition)}
        offset = 0
        for parameter in group:
            size = parameter.partition_numel()
            count = min(size, parameter.ds_numel - rank * size)  # the last parts are filled up
            if count > 0:
                for kind, values in held.items():
                    yield Slice(kind, names[id(parameter)], rank * size, values.narrow(0, offset, count), False)
            offset += size


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def _flat(parameter: Tensor) -> Tensor:
    return parameter.detach().view(-1)


def _moments(adam: torch.optim.AdamW, stepped: Tensor) -> dict[str, Tensor]:
    """The moments of what the optimiser steps as one; before the first update, those that it would begin with."""
    state = adam.state[stepped]
    if not state:
        state["step"] = torch.zeros((), dtype=torch.float32, device=stepped.device)
        state.update({kind: torch.zeros_like(stepped.detach()) for kind in MOMENTS})
    return {kind: state[kind] for kind in MOMENTS}
