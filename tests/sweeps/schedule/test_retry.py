"""What follows a failure, and how the searcher books the ends of trials."""

from __future__ import annotations

import pytest

from sweeps.plan.graph import Plan, Role, Step
from sweeps.runtime.searcher import PlanSearcher
from sweeps.schedule.dispatch import HELD_ELSEWHERE_SECONDS, Claim
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.retry import SMALLEST_MICRO_BATCH, RetryPolicy
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import STARTABLE
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.recipes import DataRecipe, TaskSpec


def step(name="a", needs=(), **execution):
    tokenizer = HubModel(hub=name, revision="r")
    recipe = DataRecipe(
        task=TaskSpec(name=name, version=1, type="tagging", source="folder"),
        rows=(),
        tokenizer=tokenizer,
        max_length=8,
    )
    return Step(recipe, (Role("prepare", name),), Execution(**execution))


def test_memory_halves_the_micro_batch_until_there_is_nothing_left_to_halve():
    attempts, one = RetryPolicy(), step(micro_batch_tokens=1000, retries=0)
    for tokens in (500, 250, 125):
        verdict = attempts.after(one, "memory")
        assert verdict.again_in == 0
        assert attempts.execution(one).micro_batch_tokens == tokens
        assert str(tokens) in verdict.why
    assert SMALLEST_MICRO_BATCH > 125 // 2
    verdict = attempts.after(one, "memory")
    assert verdict.again_in is None
    assert "125 tokens" in verdict.why
    assert one.execution.micro_batch_tokens == 1000


def test_waits_grow_and_end():
    attempts, one = RetryPolicy(back_off=1.0), step(retries=3)
    assert [attempts.after(one, "other").again_in for _ in range(4)] == [1.0, 2.0, 4.0, None]
    assert attempts.execution(one) == one.execution


def test_an_attempt_that_comes_further_counts_as_the_first():
    attempts, one = RetryPolicy(back_off=1.0), step(retries=1)
    for reached in (100, 200, 300):
        attempts.reached(one, reached)
        assert attempts.after(one, "other").again_in == 1.0
    attempts.reached(one, 250)  # on the way again, but no further than before
    assert attempts.after(one, "other").again_in is None


def test_what_is_settled_is_not_tried_again():
    assert RetryPolicy().after(step(retries=5), "settled").again_in is None


class Hands:
    """A carrier that notes what it hears; `claims` are its next answers, then all is its own."""

    def __init__(self):
        self.claims, self.told, self.executions = [], [], []

    def claim(self, step):
        return self.claims.pop(0) if self.claims else Claim.ACQUIRED

    def config(self, step, execution):
        self.executions.append(execution)
        return {"step": step.id}

    def ended(self, step, state, said):
        self.told.append((state, said))


@pytest.fixture
def searcher():
    now = [0.0]
    only = step(retries=1)
    schedule = Schedule(Plan({only.id: only}, (), 0), set(), [NodeShape(1, 0)], clock=lambda: now[0])
    hands = Hands()
    return PlanSearcher(schedule, hands), schedule, only, now, hands


def test_what_another_driver_carries_out_is_asked_for_later_and_taken_when_it_is_done(searcher):
    searcher, schedule, only, now, hands = searcher
    hands.claims = [Claim.HELD_ELSEWHERE, Claim.HELD_ELSEWHERE, Claim.DONE]
    for _ in range(2):
        assert searcher.suggest("1") is None
        assert schedule.state(only.id) in STARTABLE
        now[0] += HELD_ELSEWHERE_SECONDS
    assert searcher.suggest("1") == "FINISHED"
    assert schedule.done == {only.id}
    assert hands.told == [("done", "")]
    assert hands.executions == []


def test_short_memory_gives_the_next_trial_smaller_micro_batches(searcher):
    searcher, _, only, _, hands = searcher
    searcher.suggest("1")
    searcher.on_trial_complete("1", {"state": "failed", "error": "out of memory", "kind": "memory"})
    assert searcher.suggest("2") == {"step": only.id}
    sizes = [execution.micro_batch_tokens for execution in hands.executions]
    assert sizes == [8192, 4096]


def test_a_dead_trial_is_tried_again_after_a_while_and_then_given_up(searcher):
    searcher, schedule, only, now, hands = searcher
    assert searcher.suggest("1") == {"step": only.id}
    searcher.on_trial_complete("1", None, error=True)
    assert searcher.suggest("2") is None  # not yet, and not the end of the search
    now[0] = 10.0
    assert searcher.suggest("2") == {"step": only.id}
    searcher.on_trial_complete("2", {"state": "failed", "error": "broken", "kind": "other"})
    assert schedule.failed == {only.id}
    assert searcher.suggest("3") == "FINISHED"
    assert [state for state, _ in hands.told] == ["again", "failed"]
    assert "the process that drove this step died" in hands.told[0][1]
    assert "broken" in hands.told[1][1]


def test_a_trial_that_ends_without_a_word_has_failed(searcher):
    searcher, schedule, only, _, hands = searcher
    searcher.suggest("1")
    searcher.on_trial_complete("1", {"state": "running", "global_step": 3})
    assert hands.told[0][0] == "again"
    assert schedule.state(only.id) in STARTABLE


def test_a_step_that_fails_while_the_sweep_is_asked_to_end_is_left_for_the_next_run(searcher):
    searcher, schedule, only, _, hands = searcher
    searcher.suggest("1")
    schedule.draining = True
    searcher.on_trial_complete("1", None, error=True)
    assert schedule.state(only.id) in STARTABLE
    assert "the next run tries again" in hands.told[0][1]


def test_done_and_stopped_are_booked_as_such(searcher):
    searcher, schedule, only, _, hands = searcher
    searcher.suggest("1")
    searcher.on_trial_complete("1", {"state": "paused"})
    assert schedule.state(only.id) in STARTABLE
    assert searcher.suggest("2") == {"step": only.id}
    searcher.on_trial_complete("2", {"state": "done"})
    assert schedule.done == {only.id}
    assert [state for state, _ in hands.told] == ["paused", "done"]
