"""What `precision: auto` stands for in a sweep.

It is settled once, and stays: the precision is part of recipes, and a sweep that goes on elsewhere must find its steps.
The first run writes it into `STORE/sweeps/SWEEP/precision.json`, which every later command reads; before that, it is
what the sweep's devices are best at.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from sweeps.plan.graph import Plan
from sweeps.spec.fields import SweepSpec
from sweeps.spec.precision import uses_auto
from sweeps.spec.reading import WrongSpec
from trainables.outside.processor import BF16, bf16_units, has_gpus
from trainables.recipe.optimisation import Precision
from trainables.store import Store
from trainables.store.sealed_json import Damaged, seal, unseal


class Pinned(BaseModel):
    """What the first run has settled."""

    precision: Precision


@dataclass(frozen=True)
class Settled:
    """What `auto` stands for, and why."""

    precision: Precision
    why: str


def settle(spec: SweepSpec, store: Store) -> Settled:
    """What `auto` stands for in this sweep. Raises WrongSpec where what was settled cannot be read."""
    if not uses_auto(spec):
        return Settled("fp32", "nothing asks for it")
    return _pinned(spec, store) or _fresh(spec)


def pin(spec: SweepSpec, store: Store) -> None:
    """Keep what `auto` stands for. Raises StoreError where the store cannot be written."""
    if uses_auto(spec) and _pinned(spec, store) is None:
        store.files.replace(_path(spec, store), seal({"precision": _fresh(spec).precision}))


def of_precision(spec: SweepSpec, settled: Settled, plan: Plan) -> list[str]:
    """What a person should know of the precision of a plan: a line each."""
    lines = []
    if uses_auto(spec):
        lines.append(f"precision: auto is {settled.precision}: {settled.why}")
    slow = [step for step in plan.steps.values() if step.recipe.computes_in == "bf16" and not step.demand.gpus]
    if slow and not bf16_units():
        lines.append(
            f"precision: {len(slow)} steps compute in bf16, for which the CPUs here have no units ({', '.join(BF16)}): "
            "many times slower than fp32; give precision: fp32, or auto"
        )
    return lines


def _path(spec: SweepSpec, store: Store) -> str:
    return store.at("sweeps", spec.sweep, "precision.json")


def _pinned(spec: SweepSpec, store: Store) -> Settled | None:
    path = _path(spec, store)
    try:
        pinned = Pinned.model_validate(unseal(store.files.read(path), path))
    except FileNotFoundError:
        return None
    except (Damaged, ValidationError, OSError) as error:
        raise WrongSpec(
            [
                f"{path}: cannot be read ({str(error).splitlines()[0]}); delete it, and give precision: fp32 or bf16 "
                "in the sweep file, as the steps that are done have it"
            ]
        ) from None
    return Settled(pinned.precision, "so it was when this sweep was first run")


def _fresh(spec: SweepSpec) -> Settled:
    gpus = spec.execution.given("train").get("gpus_per_worker")
    if gpus or (gpus is None and has_gpus()):
        return Settled("bf16", "its trainings have GPUs")
    if units := bf16_units():
        return Settled("bf16", f"the CPUs here have units for it ({', '.join(units)})")
    return Settled("fp32", f"the CPUs here have no units for bf16 ({', '.join(BF16)})")
