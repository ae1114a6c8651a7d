"""What follows a failure."""

from __future__ import annotations

from sweeps.plan.graph import Role, Step
from sweeps.schedule.retry import SMALLEST_MICRO_BATCH, RetryPolicy
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
