"""What follows a failure."""

from __future__ import annotations

from sweeps.plan.graph import Role, Step
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.retry import SMALLEST_MICRO_BATCH, RetryPolicy
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.recipe.tasks import Selection, TaskSpec, TrainTask


def step(name="a", needs=(), **execution):
    tokenizer = HubModel(hub=name, revision="r")
    recipe = DataRecipe(
        task=TaskSpec(name=name, version=1, type="tagging", source="folder"),
        rows=(),
        tokenizer=tokenizer,
        max_length=8,
    )
    return Step(recipe, (Role("prepare", name),), Execution(**execution))


def training(**execution):
    task = TaskSpec(name="a", version=1, type="tagging", source="folder")
    part = TrainTask(task=task, data=("d",), head="a", select=Selection(metrics=("f1",)))
    start = HubModel(hub="a", revision="r")
    recipe = TrainRecipe(tasks=(part,), start=start, optimisation=Optimisation(batch_size=8, steps=1), seed=1)
    return Step(recipe, (Role("target", "a"),), Execution(**execution))


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


def test_memory_passes_over_micro_batches_that_would_hold_as_much():
    # A batch of the step has 300 tokens: micro-batches of 500 are no smaller.
    attempts = RetryPolicy(held=lambda step, execution: 1000.0 + min(300, execution.micro_batch_tokens))
    one = step(micro_batch_tokens=2000, retries=0)
    assert attempts.after(one, "memory").again_in == 0
    assert attempts.execution(one).micro_batch_tokens == 250
    # Where weights are nearly all that is held, the smallest is tried at once; where they are all, none.
    attempts = RetryPolicy(held=lambda step, execution: 1e6 + execution.micro_batch_tokens)
    assert attempts.after(one, "memory").again_in == 0
    assert attempts.execution(one).micro_batch_tokens == 125
    assert attempts.after(one, "memory").again_in is None
    assert RetryPolicy(held=lambda step, execution: 1e6).after(one, "memory").again_in is None


def test_memory_recomputes_blocks_where_that_holds_less_before_more_of_the_model_is_divided():
    one = training(micro_batch_tokens=SMALLEST_MICRO_BATCH, workers=2, retries=0)
    attempts = RetryPolicy()
    assert attempts.after(one, "memory").again_in == 0
    assert (attempts.execution(one).checkpoint_activations, attempts.execution(one).stage) == (True, 2)
    assert attempts.after(one, "memory").again_in == 0
    assert (attempts.execution(one).checkpoint_activations, attempts.execution(one).stage) == (True, 3)
    assert attempts.after(one, "memory").again_in is None
    attempts = RetryPolicy(held=lambda step, execution: 100.0)  # weights are all that it holds
    assert attempts.after(one, "memory").again_in == 0
    assert (attempts.execution(one).checkpoint_activations, attempts.execution(one).stage) == (False, 3)


def test_memory_raises_the_zero_stage_where_micro_batches_can_be_halved_no_more():
    attempts, one = RetryPolicy(), step(micro_batch_tokens=SMALLEST_MICRO_BATCH, workers=2, retries=0)
    assert one.execution.stage == 2
    verdict = attempts.after(one, "memory")
    assert (verdict.again_in, attempts.execution(one).stage) == (0, 3)
    assert "ZeRO stage 3" in verdict.why
    assert attempts.after(one, "memory").again_in is None


def test_a_training_takes_as_many_workers_as_the_cluster_has_room_for_now():
    nodes = [NodeShape(4, 2), NodeShape(4, 2)]
    attempts, one = RetryPolicy(nodes=lambda: nodes), training(workers=4, cpus_per_worker=1, gpus_per_worker=1)
    assert attempts.execution(one) == one.execution
    nodes.pop()
    assert attempts.execution(one) == one.execution.model_copy(update={"workers": 2})
    nodes[:] = [NodeShape(1, 0)]  # no worker fits: it waits for a node that can hold one
    assert attempts.execution(one).workers == 4
    nodes[:] = [NodeShape(4, 2)]
    assert attempts.execution(one).workers == 2
    verdict = attempts.after(one, "memory")  # each holds more of the model then
    assert (verdict.again_in, attempts.execution(one).workers) == (0, 4)
    assert attempts.execution(one).micro_batch_tokens == one.execution.micro_batch_tokens
    assert attempts.execution(step(workers=4)).workers == 4  # one process does it, whatever it says


def test_an_attempt_whose_node_was_taken_away_does_not_count():
    attempts, one = RetryPolicy(), step(retries=0)
    attempts.preempted(one.id)
    assert attempts.after(one, "other").again_in == 0
    attempts.preempted(one.id)
    attempts.left(one)  # it has saved its state in time; what fails later fails by itself
    assert attempts.after(one, "other").again_in is None


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
