"""A trial whose process cannot be placed is one that has failed, and no end of the sweep."""

from __future__ import annotations

import pytest
from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import ActorUnschedulableError, RayActorError
from ray.tune.execution import tune_controller

from sweeps.runtime.unplaced import died_where_unplaced

GONE = ActorUnschedulableError("its placement group\nwas removed")


class Resources:
    """What is held by a process that was to start; nothing here starts one."""

    def free_resources(self, acquired_resource):
        acquired_resource.append("freed")


def told(error):
    """What Tune's manager of processes tells of a task of one that ended with an error."""
    said, held = [], []
    manager = tune_controller.RayActorManager(Resources())
    actor = TrackedActor(1, on_error=lambda actor, error: said.append(("process", error)))
    manager._live_actors_to_ray_actors_resources[actor] = (None, held)
    task = TrackedActorTask(actor, on_error=lambda actor, error: said.append(("task", error)))
    manager._actor_task_failed(task, error)
    assert held == ["freed"]
    return said


def test_a_process_that_cannot_be_placed_has_died():
    with pytest.raises(RuntimeError, match="unexpected exception"):
        told(GONE)  # if Tune knows it, this module has no use any more
    usual = tune_controller.RayActorManager
    with died_where_unplaced():
        of_process, of_task = told(GONE)
        assert (of_process[0], of_task[0]) == ("process", "task")
        assert isinstance(of_task[1], RayActorError)
        assert str(of_task[1]) == "The actor is not schedulable: its placement group was removed"
        died = RayActorError()
        assert told(died) == [("process", died), ("task", died)]
        with pytest.raises(RuntimeError, match="unexpected exception: a mistake"):
            told(ValueError("a mistake"))
    assert tune_controller.RayActorManager is usual
