"""The schedule: parents first, within capacity, a failure blocks what depends on it and nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.plan.graph import Cost, Plan, Role, Step
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.recipe.tasks import Selection, SplitRef, TaskSpec, TrainTask

TASK = TaskSpec(name="t", version=1, type="tagging", source="files")
HUB = HubModel(hub="o/n", revision="r")


def graph(edges, execution):
    """A plan of training steps; step i needs the steps edges[i] (all lower)."""
    ids, steps = [], {}
    for i, parents in enumerate(edges):
        rows = (SplitRef(split="train", language="en", revision=str(i)),)
        if parents:
            start = {"step": ids[parents[0]]}
            data = (ids[parents[-1]],)
            recipe = TrainRecipe(
                tasks=(TrainTask(task=TASK, data=data, head="t", select=Selection(metrics=("f1",))),),
                start=start,
                optimisation=Optimisation(steps=1),
                seed=i,
            )
        else:
            recipe = DataRecipe(task=TASK, rows=rows, tokenizer=HUB, max_length=8)
        ids.append(recipe.id)
        steps[recipe.id] = Step(recipe, (Role("target", f"step {i}"),), execution, cost=Cost(seconds=1.0 + i % 3))
    return Plan(steps, (), 0), ids


@st.composite
def plans(draw):
    count = draw(st.integers(1, 12))
    edges = [[]]
    for i in range(1, count):
        edges.append(draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)))
    workers = draw(st.integers(1, 3))
    return graph(edges, Execution(workers=workers)), draw(st.integers(3, 6)), draw(st.sets(st.integers(0, count - 1)))


@settings(max_examples=150)
@given(plans(), st.randoms(use_true_random=False))
def test_any_order_of_ends_keeps_the_rules(case, random):
    (plan, ids), cpus, failing = case
    schedule = Schedule(plan, set(), [NodeShape(cpus, 0)])
    bad = {ids[i] for i in failing}
    started = []
    while True:
        while (step := schedule.next()) is not None:
            started.append(step.id)
            assert set(step.needs) <= schedule.done
            held = sum(plan.steps[name].resources[0] for name in schedule.running)
            assert held <= cpus
        if not schedule.running:
            break
        name = random.choice(sorted(schedule.running))
        schedule.finish(name, ok=name not in bad)
    assert len(set(started)) == len(started)
    below = {name for name in plan.steps if depends(plan, name, bad)}
    assert schedule.failed == {name for name in bad if name not in below}
    assert schedule.blocked == below
    assert schedule.done == set(plan.steps) - schedule.failed - schedule.blocked
    assert schedule.over
    assert not schedule.waiting


@settings(max_examples=100)
@given(plans(), st.randoms(use_true_random=False))
def test_what_a_selection_stops_frees_its_place_and_the_next_run_remembers_it(case, random):
    (plan, ids), cpus, halted = case
    schedule = Schedule(plan, set(), [NodeShape(cpus, 0)])
    bad = {ids[i] for i in halted}
    while True:
        while schedule.next() is not None:
            assert sum(plan.steps[name].resources[0] for name in schedule.running) <= cpus
        if not schedule.running:
            break
        name = random.choice(sorted(schedule.running))
        if name in bad:
            schedule.halt(name)
        else:
            schedule.finish(name, ok=True)
    below = {name for name in plan.steps if depends(plan, name, bad)}
    assert schedule.stopped == bad | below
    assert schedule.done == set(plan.steps) - bad - below
    assert schedule.over
    assert not schedule.failed | schedule.blocked
    # Whatever of it the next run is told, it starts nothing that depends on it.
    again = Schedule(plan, schedule.done, [NodeShape(cpus, 0)], stopped=bad - below)
    assert again.stopped == schedule.stopped
    assert again.next() is None
    assert again.over


def depends(plan, name, bad):
    return any(need in bad or depends(plan, need, bad) for need in plan.steps[name].needs)


def test_the_longest_remaining_path_goes_first():
    # 0 has a chain below it, 1 has none.
    plan, ids = graph([[], [], [0], [2]], Execution())
    schedule = Schedule(plan, set(), [NodeShape(1, 0)])
    assert schedule.next().id == ids[0]


def test_what_is_done_is_not_started():
    plan, ids = graph([[], [0]], Execution())
    schedule = Schedule(plan, {ids[0]}, [NodeShape(1, 0)])
    assert schedule.next().id == ids[1]
    assert schedule.state(ids[0]) == "done"


def test_draining_starts_nothing_and_a_stopped_step_waits_again():
    plan, ids = graph([[], []], Execution())
    schedule = Schedule(plan, set(), [NodeShape(1, 0)])
    step = schedule.next()
    schedule.draining = True
    schedule.release(step.id, StepState.PAUSED)
    assert schedule.next() is None
    assert schedule.over
    assert set(schedule.waiting) == set(ids)
    assert schedule.state(step.id) is StepState.PAUSED
