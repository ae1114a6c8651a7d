"""An evaluation stops after the micro-batch in hand, and leaves nothing of a step that was cut off."""

from __future__ import annotations

import pytest

from trainables.recipe.execution import Execution
from trainables.steps.run import carry_out


@pytest.mark.parametrize("stop_after", [1, 3])
def test_an_evaluation_stops_within_a_language_and_is_carried_out_anew(world, host, stop_after):
    recipe = world.evaluation("gen-pairs", world.scratch(), "two", "three")
    execution = Execution(micro_batch_tokens=64)
    stopped = host(stop_after=stop_after)
    assert carry_out(recipe, execution, world.store, stopped) is False
    assert stopped.asked == stop_after
    assert not world.store.done(recipe.id)
    whole = host()
    assert carry_out(recipe, execution, world.store, whole) is True
    assert whole.asked > 2 * stop_after  # micro-batches of two languages
    world.store.reject(recipe.id)
