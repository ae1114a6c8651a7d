"""The life of a step on the driver: acquire its lease, build what its workers are given, tell everyone of its beginning
and its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sweeps.plan.graph import Step
from sweeps.runtime.display import StepView
from sweeps.runtime.messages import TrialConfig
from sweeps.runtime.watchdog import Watchdog
from sweeps.schedule.dispatch import Claim
from sweeps.schedule.states import StepState
from sweeps.tracking import Tracker
from trainables.recipe.execution import Execution
from trainables.store import Leases, Store
from trainables.store.logs import logs_of


class StepLifecycle:
    """Carries out the steps of one run of a sweep (`sweeps.schedule.dispatch.StepRunner`).

    Args:
        store: where results go.
        leases: those of this driver.
        control: name of the actor that workers ask whether to stop.
        scratch: where Train and Tune write files of their own.
        tracker, view, watchdog: are told how steps go.
    """

    def __init__(
        self,
        store: Store,
        leases: Leases,
        control: str,
        scratch: str,
        tracker: Tracker,
        view: StepView,
        watchdog: Watchdog,
    ) -> None:
        self._store, self._leases, self._control, self._scratch = store, leases, control, scratch
        self._tracker, self._view, self._watchdog = tracker, view, watchdog
        self._attempts: Counter[str] = Counter()
        self._elsewhere: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its searcher to restore an experiment from its own files; nothing here ever is.
        return {}

    def claim(self, step: Step) -> Claim:
        """Acquire the step's lease, and look whether another driver has done the step meanwhile."""
        if not self._leases.acquire(step.id):
            if step.id not in self._elsewhere:
                self._elsewhere.add(step.id)
                self._view.say(step.id, f"held by {self._leases.holder(step.id) or 'another driver'}")
            return Claim.HELD_ELSEWHERE
        return Claim.DONE if self._store.done(step.id) else Claim.ACQUIRED

    def config(self, step: Step, execution: Execution) -> dict[str, Any]:
        """What a trial is given; the series is the searcher's to say."""
        self._attempts[step.id] += 1
        return TrialConfig(
            step=step.id,
            recipe=step.recipe.model_dump(mode="json"),
            execution=execution,
            store=self._store.uri,
            owner=self._leases.owner,
            scratch=self._scratch,
            control=self._control,
            series="",
        ).to_ray()

    def started(self, step: Step) -> None:
        """An attempt has its place, or its workers: tell everyone."""
        self._tracker.begin(step)
        self._watchdog.started(step.id)
        self._view.started(step)

    def ended(self, step: Step, state: StepState, message: str) -> None:
        """Release the lease, and tell of the end."""
        if state is StepState.FAILED:
            printed = logs_of(self._store) / step.id
            message += f"\nall that it printed: {printed}" if printed.exists() else ""
            self._store.note_failure(step.id, message, self._attempts[step.id])
        self._leases.release(step.id)
        self._watchdog.ended(step.id)
        self._tracker.finish(step, state, message)
        self._view.ended(step, state, message)
