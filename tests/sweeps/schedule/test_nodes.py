"""Nodes: no node and no GPU holds more than it has, what fits is started some time, one node is as totals are."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.plan.graph import Cost, Plan, Role
from sweeps.schedule.nodes import Nodes, NodeShape, too_large
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.simulate import Clone, simulate
from tests.sweeps.schedule.test_simulate import TRAIN
from trainables.recipe.execution import Execution
from trainables.steps import Demand

SHARES = (0, 0.25, 1 / 3, 0.5, 0.7, 1, 2)


def a_step(key, demand, seconds=1.0, parents=()):
    execution = Execution(workers=demand[0], cpus_per_worker=demand[1], gpus_per_worker=demand[2])
    return Clone(TRAIN, (Role("target", key),), execution, Cost(seconds=seconds), key, tuple(parents))


def a_plan(*steps):
    return Plan({step.id: step for step in steps}, (), 0)


demands = st.tuples(st.integers(1, 4), st.integers(1, 5), st.sampled_from(SHARES))
clusters = st.lists(st.builds(NodeShape, st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=5)


@st.composite
def plans(draw, demands=demands):
    steps = []
    for i in range(draw(st.integers(1, 25))):
        parents = draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)) if i else []
        steps.append(a_step(f"s{i}", draw(demands), draw(st.floats(0.1, 9.0)), [f"s{n}" for n in parents]))
    return a_plan(*steps)


def check_held(nodes, schedule):
    """What running steps hold of each node and GPU, added up anew."""
    for number, node in enumerate(nodes):
        held = [one for name in schedule.running for one in schedule.held[name] if one.node == number]
        assert sum(one.cpus for one in held) <= node.cpus
        for gpu in range(node.gpus):
            assert sum(share for one in held for which, share in one.gpus if which == gpu) <= 1 + 1e-6
    for name in schedule.running:
        wants, has = schedule.plan.steps[name].demand, schedule.held[name]
        assert len(has) == wants.processes
        assert {one.cpus for one in has} == {wants.cpus}
        assert all(sum(share for _, share in one.gpus) == pytest.approx(wants.gpus) for one in has)
        assert all(len(one.gpus) == (1 if 0 < wants.gpus < 1 else wants.gpus) for one in has)


@settings(max_examples=300, deadline=None)
@given(plans(), clusters, st.randoms(use_true_random=False))
def test_no_node_is_over_committed_and_whatever_fits_is_started(plan, nodes, random):
    fitting = {name for name, step in plan.steps.items() if too_large(step.demand, nodes) is None}
    schedule = Schedule(plan, set(), nodes)
    while True:
        while schedule.next() is not None:
            check_held(nodes, schedule)
        if not schedule.running:
            break
        schedule.finish(random.choice(sorted(schedule.running)), ok=True)
    startable = set()
    for name, step in plan.steps.items():  # parents stand before their children
        if name in fitting and set(step.needs) <= startable:
            startable.add(name)
    assert schedule.done == startable


class Totals:
    """The rules on totals alone: one node, and GPUs that nobody shares."""

    def __init__(self, plan, cpus, gpus):
        self.plan, self.free, self.done, self.waiting = plan, (cpus, gpus), set(), set(plan.steps)
        order = sorted(plan.steps, key=lambda step: -plan.remaining[step])
        self.urgency = {name: place for place, name in enumerate(order)}

    def next(self):
        ready = [name for name in self.waiting if set(self.plan.steps[name].needs) <= self.done]
        left, refused = self.free, set()
        for name in sorted(ready, key=self.urgency.__getitem__):
            wants = self.plan.steps[name].resources
            if wants in refused:
                continue
            if all(want <= have for want, have in zip(wants, left, strict=True)):
                self.waiting.remove(name)
                self.free = tuple(have - want for want, have in zip(wants, self.free, strict=True))
                return name
            refused.add(wants)
            left = tuple(max(0, have - want) for want, have in zip(wants, left, strict=True))
        return None

    def finish(self, name):
        self.done.add(name)
        self.free = tuple(have + want for want, have in zip(self.plan.steps[name].resources, self.free, strict=True))


@settings(max_examples=200, deadline=None)
@given(plans(st.tuples(st.just(1), st.integers(1, 5), st.integers(0, 4))), st.integers(5, 9), st.integers(4, 6))
def test_on_one_node_it_is_as_totals_are(plan, cpus, gpus):
    plain, began, running, now = Totals(plan, cpus, gpus), {}, [], 0.0
    while True:
        while (name := plain.next()) is not None:
            began[name] = now
            heappush(running, (now + plan.steps[name].cost.seconds, len(began), name))
        if not running:
            break
        now, _, name = heappop(running)
        plain.finish(name)
    assert simulate(plan, set(), [NodeShape(cpus, gpus)]).began == began


def test_a_worker_is_on_one_node_and_the_workers_of_a_step_on_as_few_as_can_be():
    nodes = Nodes([NodeShape(4, 2), NodeShape(8, 4), NodeShape(64)])
    small = nodes.place(Demand(1, 1, 1))
    assert [one.node for one in small] == [0]  # where the least is left
    assert [one.node for one in nodes.place(Demand(4, 1, 0))] == [2] * 4  # not on a node with GPUs
    assert nodes.place(Demand(1, 1, 5)) is None
    across = nodes.place(Demand(5, 1, 1))
    assert [one.node for one in across] == [1, 1, 1, 1, 0]
    nodes.give_back(small)
    nodes.give_back(across)
    assert [one.node for one in nodes.place(Demand(3, 1, 1))] == [1, 1, 1]


def test_shares_lie_on_one_gpu_and_together():
    nodes = Nodes([NodeShape(9, 2)])
    halves = [nodes.place(Demand(1, 1, 0.5)) for _ in range(2)]
    assert [one.gpus for (one,) in halves] == [((0, 0.5),), ((0, 0.5),)]
    assert nodes.place(Demand(1, 1, 1)) is not None
    nodes.give_back(halves[0])
    assert nodes.place(Demand(1, 1, 0.7)) is None


def test_a_worker_of_two_gpus_is_not_kept_waiting_by_small_steps_on_either_node():
    small = [a_step(f"small {i}", (1, 1, 1), 10.0 + i % 7) for i in range(60)]
    plan = a_plan(a_step("first", (1, 1, 1), 5.0), a_step("large", (1, 1, 2), 900.0, ["first"]), *small)
    found = simulate(plan, set(), [NodeShape(8, 2), NodeShape(8, 2)])
    assert found.began["large"] <= 22.0  # the second that ends on its node


def test_what_is_too_large_is_said_with_the_mend():
    nodes = [NodeShape(8, 4)] * 2
    assert too_large(Demand(2, 8, 4), nodes) is None
    wants = {
        Demand(3, 8, 0): "24 CPUs, the cluster has 16: lower execution.workers, execution.cpus_per_worker, or give it",
        Demand(9, 1, 1): "9 GPUs, the cluster has 8: lower execution.workers, execution.gpus_per_worker, or give it",
        Demand(1, 9, 0): "9 CPUs on one node, the largest has 8 CPUs: lower execution.cpus_per_worker, or give",
        Demand(2, 1, 3): None,
        Demand(1, 1, 8): "1 CPUs and 8 GPUs on one node, the largest has 8 CPUs and 4 GPUs: lower execution.cpus_per",
        Demand(3, 1, 2.0): None,
        Demand(2, 5, 1): None,
        Demand(
            3, 5, 1
        ): "5 CPUs and 1 GPUs for each of 3 workers on one node, the largest has 8 CPUs and 4 GPUs: lower",
    }
    for demand, line in wants.items():
        found = too_large(demand, nodes)
        assert found is None if line is None else found.startswith(line)


def test_what_follows_a_step_and_wants_the_same_is_where_that_was():
    # Its workers go on there. Alone it would go to the node with the least left.
    first = [a_step(name, (1, 1, 0.5)) for name in "abc"]
    plan = a_plan(*first, a_step("d", (1, 1, 0.5), parents=["c"]))
    schedule = Schedule(plan, set(), [NodeShape(2, 1), NodeShape(3, 1)])
    while schedule.next() is not None:
        pass
    was = schedule.held["c"]
    assert [one.node for one in was] == [0]
    schedule.finish("a", ok=True)
    schedule.finish("c", ok=True)
    assert schedule.next().id == "d"
    assert schedule.held["d"] == was
    check_held([NodeShape(2, 1), NodeShape(3, 1)], schedule)
