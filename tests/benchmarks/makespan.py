"""How near the schedule comes to the best there can be, and what it costs the driver.

    python tests/benchmarks/makespan.py

Carries out the plans of the published study and its successor (as drafts: no data is needed) on a virtual clock, by
the searcher and schedule of real sweeps, on 8, 64 and 512 GPUs, and holds the time against the lower bound, the larger
of the longest path and the work over all GPUs; also where each step really takes between half and twice of what the
schedule believes. Then the study with so many seeds that it has 10,000 steps: seconds to make the plan, to simulate it,
and the driver's own time for each event of a trial. Ends with 1 where a limit is broken.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from math import inf
from pathlib import Path

import sweeps
from sweeps.plan.graph import Cost, Plan
from sweeps.plan.requirements import draft_of
from sweeps.schedule.auto import choose_for
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.simulate import bounds, simulate, two_barriers, unshared_plan
from sweeps.spec.reading import read_spec

FOLDER = Path(sweeps.__file__).parent
STUDY = FOLDER / "paper.yaml"
GPUS = (8, 64, 512)
GPUS_OF_A_NODE = 8
RATIO = 1.05
"""Of makespan to lower bound, at most, where costs are true."""
DRAWS = 10
SEEDS = 58
"""With an intermediate for each seed, so many give 10,058 steps."""
SECONDS, EVENT = 10.0, 0.010
"""At most, for making, choosing and simulating the large plan, and for its slowest event."""


def main() -> None:
    """Print the tables."""
    within = [study(STUDY), study(FOLDER / "xtreme-r.yaml"), large()]
    sys.exit(0 if all(within) else 1)


def study(file: Path) -> bool:
    """A study on each number of GPUs; whether all are near their bounds."""
    draft, within = draft_of(read_spec(file), file), True
    print(f"{file.name}: {len(draft.steps)} steps, hours on A100")
    print("GPUs   wall clock   longest path   work/GPUs   ratio   costs wrong   two barriers   naive grid")
    for gpus in GPUS:
        there = [NodeShape(inf, GPUS_OF_A_NODE)] * (gpus // GPUS_OF_A_NODE)
        plan = choose_for(draft, None, set(), there)[0].plan
        grid = unshared_plan(plan, set())
        wall = simulate(plan, set(), there).seconds
        path, work = bounds(plan, set(), there)
        ratio, wrong = wall / max(path, work), max(misjudged(plan, there, draw) for draw in range(DRAWS))
        within &= ratio <= RATIO
        others = two_barriers(plan, set(), there) / 3600, simulate(grid, set(), there).seconds / 3600
        figures = (gpus, wall / 3600, path / 3600, work / 3600, ratio, wrong, *others)
        print("{:4}   {:10.2f}   {:12.2f}   {:9.2f}   {:5.3f}   {:11.3f}   {:12.2f}   {:10.2f}".format(*figures))
    print()
    return within


def misjudged(plan: Plan, there: list[NodeShape], draw: int) -> float:
    """Makespan over lower bound where each step takes between half and twice of its cost."""
    rng = random.Random(draw)
    took = {name: step.cost.seconds * 2 ** rng.uniform(-1, 1) for name, step in plan.steps.items()}
    wall = simulate(plan, set(), there, took=took).seconds
    real = {name: replace(step, cost=Cost(seconds=took[name])) for name, step in plan.steps.items()}
    return wall / max(bounds(Plan(real, (), 0), set(), there))


def large() -> bool:
    """The large plan; whether it keeps the limits. Times are the process's own: other work on the machine is none of
    the driver's."""
    spec = read_spec(STUDY, [f"seeds={list(range(1, SEEDS + 1))}", "intermediate_seeds=matched"])
    began, wall = time.process_time(), time.monotonic()
    draft = draft_of(spec, STUDY)
    there = [NodeShape(inf, GPUS_OF_A_NODE)] * (512 // GPUS_OF_A_NODE)
    made = time.process_time()
    plan = choose_for(draft, None, set(), there)[0].plan
    chosen = time.process_time()
    found = simulate(plan, set(), there)
    ended = time.process_time()
    slowest, mean = max(found.calls), sum(found.calls) / len(found.calls)
    print(f"{len(plan.steps):,} steps: plan made in {made - began:.1f} s,", end=" ")
    print(f"executions chosen in {chosen - made:.1f} s, simulated in {ended - chosen:.1f} s", end=" ")
    print(f"({time.monotonic() - wall:.1f} s by the clock)")
    print(f"driver: {len(found.calls):,} events, {1000 * mean:.2f} ms each, the slowest {1000 * slowest:.1f} ms")
    return ended - began <= SECONDS and slowest <= EVENT


if __name__ == "__main__":
    main()
