"""The simulator: real schedule and searcher on a virtual clock, near the bound, and what else a sweep might be."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sweeps
from sweeps.plan.graph import Cell, Cost, Plan, Role, Step, Variant
from sweeps.plan.requirements import draft_of
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.simulate import Clone, bounds, simulate, two_barriers, unshared_plan, work
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import with_usual_costs
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.recipe.tasks import Selection, SplitRef, TaskSpec, TrainTask

FOLDER = Path(sweeps.__file__).parent
HUB = HubModel(hub="o/n", revision="r")
TASK = TaskSpec(name="t", version=1, type="tagging", source="files")
DATA = DataRecipe(task=TASK, rows=(SplitRef(split="train", language="en", revision="r"),), tokenizer=HUB, max_length=8)
TRAIN = TrainRecipe(
    tasks=(TrainTask(task=TASK, data=(DATA.id,), head="t", select=Selection(metrics=("f1",))),),
    start=HUB,
    optimisation=Optimisation(steps=1),
    seed=1,
)


def a_plan(*steps, cells=()):
    """A plan of (key, parents, seconds, GPUs and, if it is no target, phase); a step without GPUs prepares data."""
    made = {}
    for key, parents, seconds, gpus, *named in steps:
        execution = Execution(workers=max(gpus, 1), gpus_per_worker=1)
        phase = named[0] if named else "target" if gpus else "prepare"
        made[key] = Clone(
            TRAIN if gpus else DATA, (Role(phase, key),), execution, Cost(seconds=seconds), key, tuple(parents)
        )
    return Plan(made, cells, 0)


@st.composite
def plans(draw):
    """Up to 30 steps on up to four GPUs each, and a cluster that holds any of them."""
    count = draw(st.integers(1, 30))
    steps = []
    for i in range(count):
        parents = draw(st.lists(st.integers(0, i - 1), max_size=3, unique=True)) if i else []
        seconds = draw(st.floats(0.1, 100.0))
        steps.append((f"s{i}", [f"s{parent}" for parent in parents], seconds, draw(st.integers(0, 4))))
    return a_plan(*steps), draw(st.integers(4, 9)), draw(st.sets(st.sampled_from([step[0] for step in steps])))


@settings(max_examples=200)
@given(plans())
def test_every_step_runs_once_after_its_parents_and_within_capacity(case):
    plan, gpus, _ = case
    found = simulate(plan, set(), [NodeShape(8, gpus)])
    assert set(found.began) == set(found.ended) == set(plan.steps)
    for name, step in plan.steps.items():
        assert found.ended[name] == pytest.approx(found.began[name] + step.cost.seconds)
        assert all(found.ended[need] <= found.began[name] for need in step.needs)
        beside = [s for n, s in plan.steps.items() if found.began[n] <= found.began[name] < found.ended[n]]
        assert sum(s.resources[1] for s in beside) <= gpus
        assert sum(s.resources[0] for s in beside) <= 8
    path, least = bounds(plan, set(), [NodeShape(8, gpus)])
    assert max(path, least) <= found.seconds + 1e-6
    assert found.seconds <= sum(step.cost.seconds for step in plan.steps.values()) + 1e-6


@settings(max_examples=100)
@given(plans())
def test_failed_steps_block_what_needs_them_and_nothing_else(case):
    plan, gpus, bad = case
    found = simulate(plan, set(), [NodeShape(8, gpus)], frozenset(bad))
    lost = set()
    for name, step in plan.steps.items():  # parents stand before their children
        if any(need in lost or need in bad for need in step.needs):
            lost.add(name)
    assert set(found.began) == set(plan.steps) - lost


@settings(max_examples=100)
@given(plans())
def test_a_step_waits_for_none_that_is_less_urgent_and_wants_as_much(case):
    plan, gpus, _ = case
    found = simulate(plan, set(), [NodeShape(inf, gpus)])
    ready = {name: max((found.ended[need] for need in step.needs), default=0.0) for name, step in plan.steps.items()}
    for name, step in plan.steps.items():
        for other, beside in plan.steps.items():
            overtook = ready[name] < found.began[other] < found.began[name]
            if overtook and plan.remaining[other] < plan.remaining[name]:
                assert beside.resources[1] < step.resources[1]


def test_small_steps_do_not_keep_a_large_one_waiting():
    # When "large" is ready, single GPUs come free one after the other, and there is a small step for each of them.
    small = [(f"small {i}", [], 10.0 + i, 1) for i in range(40)]
    plan = a_plan(("first", [], 5.0, 1), ("large", ["first"], 100.0, 4), *small)
    found = simulate(plan, set(), [NodeShape(inf, 4)])
    at_five = [found.ended[name] for name in found.began if found.began[name] < 5.0 and name != "first"]
    assert found.began["large"] == max(at_five)


def test_what_a_waiting_step_cannot_use_others_do():
    plan = a_plan(("long", [], 10.0, 1), ("large", [], 100.0, 4), ("data", [], 1.0, 0))
    found = simulate(plan, {"long"}, [NodeShape(5, 4)])
    assert found.began["large"] == 0.0
    plan = a_plan(("long", [], 200.0, 1), ("large", [], 100.0, 4), ("data", [], 1.0, 0))
    found = simulate(plan, set(), [NodeShape(6, 4)])
    assert (found.began["large"], found.began["data"]) == (200.0, 0.0)


def test_what_fits_nowhere_is_an_error():
    with pytest.raises(RuntimeError, match="1 steps never start on 8 CPUs and 2 GPUs"):
        simulate(a_plan(("large", [], 1.0, 4)), set(), [NodeShape(8, 2)])


def test_the_unshared_grid_trains_everything_for_each_cell_and_prepares_data_once():
    variants = [Variant(f"target {i}") for i in range(3)]
    cells = Cell("m", "i", "t", 1, (variants[0],)), Cell("m", "i", "u", 1, (variants[1], variants[2]))
    plan = a_plan(
        ("data", [], 1.0, 0),
        ("intermediate", ["data"], 10.0, 1),
        *((f"target {i}", ["intermediate", "data"], 2.0, 1) for i in range(3)),
        cells=cells,
    )
    grid = unshared_plan(plan, set())
    assert len(grid.steps) == 1 + 3 * 2
    assert work(grid, set())[1] == 3 * 12.0
    assert simulate(grid, set(), [NodeShape(inf, 3)]).seconds == 1 + 12.0
    assert simulate(plan, set(), [NodeShape(inf, 3)]).seconds == 1 + 12.0
    assert simulate(grid, set(), [NodeShape(inf, 1)]).seconds == 1 + 36.0
    assert simulate(plan, set(), [NodeShape(inf, 1)]).seconds == 1 + 16.0
    assert len(unshared_plan(plan, {"target 0"}).steps) == 1 + 2 * 2


def test_barriers_wait_for_the_slowest():
    plan = a_plan(
        ("quick", [], 10.0, 1, "intermediate"),
        ("slow", [], 100.0, 1, "intermediate"),
        ("after quick", ["quick"], 90.0, 1, "target"),
        ("after slow", ["slow"], 5.0, 1, "target"),
        ("evaluate", ["after slow"], 1.0, 1, "evaluate"),
    )
    assert simulate(plan, set(), [NodeShape(inf, 2)]).seconds == 106.0
    assert two_barriers(plan, set(), [NodeShape(inf, 2)]) == 100.0 + 90.0 + 1.0
    assert two_barriers(plan, {"slow", "quick"}, [NodeShape(inf, 2)]) == 90.0 + 1.0
    assert two_barriers(plan, set(plan.steps), [NodeShape(inf, 2)]) == 0.0
    # One after the other, barriers cost nothing.
    assert two_barriers(plan, set(), [NodeShape(inf, 1)]) == simulate(plan, set(), [NodeShape(inf, 1)]).seconds == 206.0


@pytest.mark.parametrize("gpus", [8, 64, 512])
def test_the_published_study_comes_within_five_percent_of_the_bound(gpus):
    file = FOLDER / "paper.yaml"
    spec = read_spec(file)
    plan = with_usual_costs(draft_of(spec, file))
    found = simulate(plan, set(), [NodeShape(inf, gpus)])
    assert found.seconds > 0
    assert found.seconds <= 1.05 * max(bounds(plan, set(), [NodeShape(inf, gpus)]))
    grid = unshared_plan(plan, set())
    trains = [step for step in grid.steps.values() if isinstance(step, Step) and step.kind.group == "train"]
    assert len(trains) == plan.unshared_train_steps


def test_an_event_costs_about_the_same_in_a_plan_ten_times_as_large():
    file = FOLDER / "paper.yaml"

    def per_event(seeds):
        spec = read_spec(file, [f"seeds={list(range(seeds))}", "intermediate_seeds=matched"])
        plan = with_usual_costs(draft_of(spec, file))
        return min(sum(calls := simulate(plan, set(), [NodeShape(inf, 64)]).calls) / len(calls) for _ in range(3))

    # The searcher that looks through all waiting steps takes ten times as long.
    assert per_event(10) < 4 * per_event(1)
