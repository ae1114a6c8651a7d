"""Trials whose process Ray gives up placing: their node has gone, or their placement group, while they started.

Tune (2.60, `RayActorManager._actor_task_failed`) knows processes that died and tasks that raised, and ends the whole
run with an error of anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller


class Unplaced(RayActorError):
    """A process that never came to be."""

    def __init__(self, why: BaseException) -> None:
        super().__init__()
        self._why = " ".join(str(why).split())

    def __str__(self) -> str:
        return self._why


class PlacedOrDied(RayActorManager):
    """A process that Ray gives up has died, so its trial has failed, and the step is tried again by the sweep's own
    rule."""

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        known = isinstance(exception, RayActorError | RayTaskError) or not isinstance(exception, RayError)
        super()._actor_task_failed(tracked_actor_task, exception if known else Unplaced(exception))


@contextmanager
def died_where_unplaced() -> Iterator[None]:
    """Within the block Tune takes trials whose process cannot be placed for failed ones."""
    usual = tune_controller.RayActorManager
    tune_controller.RayActorManager = PlacedOrDied
    try:
        yield
    finally:
        tune_controller.RayActorManager = usual
