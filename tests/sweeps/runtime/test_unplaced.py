"""A trial whose process cannot be placed is one that has failed, and no end of the sweep."""

from __future__ import annotations

import pytest
import ray
from ray.air.execution import FixedResourceManager, ResourceRequest
from ray.exceptions import RayActorError
from ray.tune.execution import tune_controller
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeps.runtime.unplaced import PlacedOrDied, died_where_unplaced


class Trainable:
    def train(self):
        return "trained"


def ended(manager_class, **options):
    """What Tune's manager is told of one task of one process: results and errors."""
    said = []
    manager = manager_class(FixedResourceManager({"CPU": 1}))
    actor = manager.add_actor(
        ray.remote(**options)(Trainable),
        kwargs={},
        resource_request=ResourceRequest([{"CPU": 1}]),
        on_error=lambda actor, error: said.append(error),
    )
    manager.schedule_actor_task(
        actor,
        "train",
        on_result=lambda actor, result: said.append(result),
        on_error=lambda actor, error: said.append(error),
    )
    while not said:
        manager.next(timeout=1)
    return said


def test_a_process_that_cannot_be_placed_has_died(local_ray):
    gone = NodeAffinitySchedulingStrategy("f" * 56, soft=False)  # a node that there is not
    with pytest.raises(RuntimeError, match="unexpected exception: The actor is not schedulable"):
        ended(tune_controller.RayActorManager, scheduling_strategy=gone)  # else this class has no use any more
    with died_where_unplaced():
        assert tune_controller.RayActorManager is PlacedOrDied
        said = ended(tune_controller.RayActorManager, scheduling_strategy=gone)
        assert all(isinstance(one, RayActorError) for one in said)
        assert "not schedulable" in str(said[0])
        assert "\n" not in str(said[0])
        assert ended(tune_controller.RayActorManager, num_cpus=1) == ["trained"]
    assert tune_controller.RayActorManager is not PlacedOrDied
