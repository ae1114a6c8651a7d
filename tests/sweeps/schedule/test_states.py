"""The states of a step, and which may follow which."""

from __future__ import annotations

import pytest

from sweeps.plan.graph import Plan
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import STARTABLE, TRANSITIONS, StepState, WrongTransition
from tests.sweeps.schedule.test_scheduler import graph
from trainables.recipe.execution import Execution


def test_every_state_says_what_may_follow_and_an_attempt_may_end_in_any_way():
    assert set(TRANSITIONS) == set(StepState)
    for state in STARTABLE:
        assert StepState.RUNNING in TRANSITIONS[state]
        assert StepState.DONE not in TRANSITIONS[state]
    ends = {StepState.DONE, StepState.FAILED, StepState.STOPPED, *STARTABLE}
    assert TRANSITIONS[StepState.RUNNING] == ends
    assert not TRANSITIONS[StepState.DONE]


def test_a_step_that_does_not_run_cannot_end():
    plan, ids = graph([[]], Execution())
    schedule = Schedule(plan, set(), [NodeShape(1, 0)])
    with pytest.raises(WrongTransition, match=f"{ids[0]} is to do and cannot become done"):
        schedule.finish(ids[0], ok=True)


def test_what_is_done_stays_done_though_a_step_that_it_needed_fails():
    plan, (first, second, third) = graph([[], [0], [1]], Execution())
    schedule = Schedule(Plan(plan.steps, (), 0), {second}, [NodeShape(2, 0)])
    assert {schedule.next().id, schedule.next().id} == {first, third}
    schedule.finish(third, ok=True)
    schedule.finish(first, ok=False)
    assert schedule.state(second) is StepState.DONE
    assert schedule.state(third) is StepState.DONE
