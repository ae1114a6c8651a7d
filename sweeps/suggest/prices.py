"""What cells cost: the steps that they need and that nobody has done, at what these hold of devices."""

from __future__ import annotations

from collections.abc import Iterable

from sweeps.plan.graph import Cell, Plan


class Prices:
    """Of the cells of a plan, in the hours of the devices that it uses.

    Args:
        plan: its steps have costs.
    """

    def __init__(self, plan: Plan) -> None:
        gpus = any(step.demand.gpus for step in plan.steps.values())
        self.unit = "GPU-hours" if gpus else "CPU-hours"
        self.kind = 1 if gpus else 0
        """Of what a step holds (CPUs, GPUs), which is counted."""
        self._plan = plan
        self._hours = {one.id: one.cost.seconds * one.resources[self.kind] / 3600 for one in plan.steps.values()}
        self._needed: dict[Cell, frozenset[str]] = {}

    def hours(self, steps: Iterable[str]) -> float:
        """Device-hours of some steps, as they are carried out."""
        return sum(self._hours[name] for name in steps)

    def needed(self, cell: Cell) -> frozenset[str]:
        """All steps that lead to a cell's scores, its evaluations among them."""
        if cell not in self._needed:
            found, left = set[str](), [variant.evaluation for variant in cell.variants]
            while left:
                name = left.pop()
                if name not in found:
                    found.add(name)
                    left += self._plan.steps[name].needs
            self._needed[cell] = frozenset(found)
        return self._needed[cell]

    def in_order(self, steps: Iterable[str]) -> tuple[str, ...]:
        """Steps in the order of the plan."""
        wanted = set(steps)
        return tuple(name for name in self._plan.steps if name in wanted)
