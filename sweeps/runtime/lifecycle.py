"""The driver's hand in every step: it takes the lease, gives the trial its work, and tells everyone how it ended."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sweeps.cli.live import View
from sweeps.plan.graph import Step
from sweeps.runtime.searcher import Claim
from sweeps.runtime.watchdog import Watchdog
from sweeps.tracking import Tracker
from trainables.recipe.execution import Execution
from trainables.store import Leases, Store
from trainables.store.logs import logs_of


class StepLifecycle:
    """Carries out the steps of one run of a sweep (`searcher.StepRunner`).

    Args:
        board: name of the board on which workers look whether to stop.
        scratch: where Train and Tune write files of their own.
    """

    def __init__(
        self, store: Store, leases: Leases, control: str, scratch: str, tracker: Tracker, view: View, watchdog: Watchdog
    ) -> None:
        self._store, self._leases, self._control, self._scratch = store, leases, control, scratch
        self._tracker, self._view, self._watchdog = tracker, view, watchdog
        self._begun: Counter[str] = Counter()
        self._elsewhere: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its searcher to restore an experiment from its own files; nothing here ever is.
        return {}

    def claim(self, step: Step) -> Claim:
        """Take the step's lease, and look whether another driver has done it meanwhile."""
        if not self._leases.acquire(step.id):
            if step.id not in self._elsewhere:
                self._elsewhere.add(step.id)
                self._view.say(step.id, f"in the hands of {self._leases.holder(step.id) or 'another driver'}")
            return "elsewhere"
        if self._store.done(step.id):
            return "done"
        return "mine"

    def config(self, step: Step, execution: Execution) -> dict[str, Any]:
        """What `trial.run_step` needs."""
        self._begun[step.id] += 1
        return {
            "step": step.id,
            "recipe": step.recipe.model_dump(mode="json"),
            "execution": execution.model_dump(mode="json"),
            "store": self._store.uri,
            "owner": self._leases.owner,
            "scratch": self._scratch,
            "board": self._control,
        }

    def ended(self, step: Step, state: str, said: str) -> None:
        """Give the lease back, and tell of the end."""
        if state == "failed":
            printed = logs_of(self._store) / step.id
            said += f"\nall that it printed: {printed}" if printed.exists() else ""
            self._store.note_failure(step.id, said, self._begun[step.id])
        self._leases.release(step.id)
        self._watchdog.ended(step.id)
        self._tracker.finish(step, state, said)
        self._view.ended(step, state, said)
