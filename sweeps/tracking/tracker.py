"""The driver's side of tracking: each event becomes a line in the journal, and nothing waits for MLflow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeps.plan.graph import Step
from sweeps.schedule.states import StepState
from sweeps.state.sweep import Sweep
from sweeps.tracking.journal import Event, Journal, folder_of
from sweeps.tracking.payloads import begun, reported
from sweeps.tracking.runs import Runs
from sweeps.tracking.sender import Sender
from trainables.host import TrainReport
from trainables.steps.environment import code

PATIENCE = 60.0
"""Seconds without any success after which the end of a run waits for MLflow no longer."""

log = logging.getLogger(__name__)


class Tracker:
    """Tells MLflow of one sweep.

    Args:
        say: shows a line to the person who runs the sweep.
    """

    def __init__(self, sweep: Sweep, say: Callable[[str], None] = log.warning) -> None:
        spec, _, store = sweep
        self.uri = spec.tracking_uri
        self._say = say
        self._running: set[str] = set()
        self._closed = False
        self.folder = folder_of(store, spec.sweep)
        self._journal: Journal | None = None
        try:
            self._journal = Journal.new(self.folder)
        except OSError as error:
            say(f"{self.folder}: {error}; MLflow will lack the curves of this run, the store will not")
        self._runs = Runs(sweep, code())
        self._sender = Sender(self._runs, self.folder, self._journal, say)

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close("FAILED")

    # --- what the driver says --------------------------------------------------------------------------------

    def open(self) -> None:
        """The sweep is under way (again): give every done step of the plan its run, and close what was left open."""
        self._append("open")
        self.reconcile()

    def reconcile(self, everything: bool = False) -> None:
        """Have all runs brought in line with the store; `everything`: also those of steps that have a finished run."""
        self._sender.reconcile(everything)

    def begin(self, step: Step) -> None:
        """A step has been given to the cluster."""
        self._running.add(step.id)
        self._write(begun(step))

    def progress(self, step: Step, report: TrainReport) -> None:
        """A training step has reported."""
        self._append("points", step=step.id, points=reported(report))

    def finish(self, step: Step, state: StepState, error: str = "") -> None:
        """An attempt at a step has ended in `state`."""
        self._running.discard(step.id)
        self._append("finish", step=step.id, state=state.value, error=error)

    def table(self, folder: Path, means: dict[str, float]) -> None:
        """Attach the results to the sweep's run, and show its averages there."""
        self._append("means", points=[(name, mean, 0) for name, mean in means.items()])
        self._append("folder", path=str(folder.absolute()), name="results")

    def champions(self, best: dict[str, str]) -> None:
        """Register the models of these trainings, each under the sweep's name and its target's, as the champion."""
        if best:
            self._append("champions", best=best)

    def close(self, status: str | None, patience: float = PATIENCE) -> bool:
        """Close the sweep's run (`FINISHED`, `FAILED` or `KILLED`; None leaves it) and those of steps that never ended,
        and wait a while for MLflow to have everything; whether it has. What it has not, the next run of the sweep
        sends. The first call counts."""
        if self._closed:
            return True
        for step in sorted(self._running):
            self._append("finish", step=step, state=StepState.PAUSED.value, error="")
        if status is not None:
            self._append("close", status=status)
        self._closed = True
        sent = self.wait(patience)
        if not sent:
            self._say(
                f"MLflow ({self.uri}) has not taken everything: {self._sender.backlog} events are pending in "
                f"{self.folder}; the same command, or xstilts track, sends them"
            )
        self._sender.end()
        return sent

    def wait(self, patience: float = PATIENCE) -> bool:
        """Wait until MLflow has everything; False when it has taken nothing for `patience` seconds, or on Ctrl-C."""
        try:
            return self._sender.finished(patience)
        except KeyboardInterrupt:
            return False

    # --- what MLflow has -------------------------------------------------------------------------------------

    @property
    def others(self) -> bool:
        """Whether another driver that lives tells MLflow of this sweep."""
        return self._sender.others

    @property
    def experiment(self) -> str | None:
        """Id of the experiment; None until MLflow has answered."""
        return self._runs.experiment

    @property
    def parent(self) -> str | None:
        """Id of the sweep's run; None until MLflow has answered."""
        return self._runs.parent

    def run_of(self, step: Step) -> str | None:
        """Id of a step's run; None while MLflow has none."""
        return self._runs.run_of(step.id)

    # --- the lines -------------------------------------------------------------------------------------------

    def _append(self, what: str, **said: Any) -> None:
        self._write({"what": what, "at": int(time.time() * 1000), **said})

    def _write(self, event: Event) -> None:
        if self._journal is not None:
            self._journal.append(event)
        self._sender.wake()
