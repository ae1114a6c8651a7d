"""A sweep: what was asked for, the steps that it takes, and where they put what they make."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sweeps.cost.flops import estimate
from sweeps.cost.throughput import USUAL, throughput_on
from sweeps.plan.graph import Plan
from sweeps.plan.planner import make_plan
from sweeps.spec.fields import SweepSpec
from sweeps.state.precision import settle
from trainables.store import Store


class Sweep(NamedTuple):
    """What everything above the plan works on.

    Attributes:
        spec: the fields of its file.
        plan: the graph of its unique steps.
        store: where their results are.
    """

    spec: SweepSpec
    plan: Plan
    store: Store

    @property
    def name(self) -> str:
        """Its name in MLflow and in the store."""
        return self.spec.sweep


def load(spec: SweepSpec, file: Path, store: Store) -> Sweep:
    """Plan a sweep, its steps with the costs that its schedule goes by. Raises WrongSpec."""
    precision = settle(spec, store).precision
    return Sweep(spec, with_usual_costs(make_plan(spec, str(file), precision=precision)), store)


def with_usual_costs(plan: Plan) -> Plan:
    """`plan` with the costs of its steps on the usual device, from what is expected of the data alone: the same on
    every machine, whatever has been measured."""
    gpus = any(step.demand.gpus for step in plan.steps.values())
    return estimate(plan, throughput_on(USUAL if gpus else None)).plan
