"""Workers that fail while they start: a lost rendezvous, a GPU that does not answer, a process killed for memory.

Ray Train (2.60, `WorkerGroup._start_impl`) clears up after what fails until a group's workers are there, and after what
fails in a group that runs. Between the two, in the callbacks in which the processes find each other, it forgets the
group, and the placement group keeps its CPUs and GPUs, so that nobody ever gets them. And it starts workers that have
died while they started again without end, and without a word.
"""

from __future__ import annotations

from typing import Any

from ray.train.v2._internal.exceptions import WorkerGroupStartupFailedError
from ray.train.v2._internal.execution.callback import ControllerCallback, WorkerGroupCallback
from ray.train.v2._internal.execution.controller.state import ReschedulingState

from trainables.failure import StepFailed, last_lines


class FailedStart(ControllerCallback, WorkerGroupCallback):
    """Frees what a group held that has not started, and has its failure be one of the step, which is tried again by the
    sweep's own rule. The first of a trainer's callbacks, so that it knows of a group before any of them fails."""

    def __init__(self) -> None:
        self._held: Any = None

    def after_worker_group_start(self, worker_group: Any) -> None:
        """Workers are there."""
        self._held = worker_group.get_worker_group_state()

    def after_worker_group_shutdown(self, worker_group_context: Any) -> None:
        """Ray Train has freed what they held."""
        self._held = None

    def after_worker_group_abort(self, worker_group_context: Any) -> None:
        """Ray Train has freed what they held."""
        self._held = None

    def after_controller_state_update(self, previous_state: Any, current_state: Any) -> None:
        """Ray Train is about to do something else: start a failed group again, for one.

        Raises StepFailed: instead of that. It ends the controller.
        """
        if isinstance(current_state, ReschedulingState):
            failure = getattr(current_state.training_failed_error, "controller_failure", None)
            if isinstance(failure, WorkerGroupStartupFailedError):  # anything else waits for its place
                raise StepFailed("other", f"a worker died while it started:\n{last_lines(failure)}")

    async def before_controller_shutdown(self) -> None:
        """The controller ends, and has freed what it knows of."""
        if self._held is not None:
            self._held.shutdown()
            self._held = None
