"""The runs of one sweep in MLflow: finds or makes them, and brings each up to what an event says.

Every event may come twice, or again after it was half done: runs are found by their tags before they are made, a
parameter is logged once, and a number is left out where the run has it at that step. Of two drivers that make the same
run at once, both go on with the older one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from sweeps.schedule.states import StepState
from sweeps.spec.places import SQLITE
from sweeps.state.sweep import Sweep
from sweeps.tracking import limits
from sweeps.tracking.auth_errors import refusal
from sweeps.tracking.buffer import RunBuffer
from sweeps.tracking.journal import Event
from sweeps.tracking.payloads import begun
from sweeps.tracking.results import STEP, SWEEP, StepResults
from trainables.steps import StepRecord
from trainables.steps.environment import Code
from trainables.store.leases import active_leases

PARENT = "mlflow.parentRunId"
STORE = "xstilts.store"
CODE = "xstilts.code"
EXPERIMENT = "xstilts"
STATUS = {StepState.DONE: "FINISHED", StepState.FAILED: "FAILED", StepState.RUNNING: "RUNNING"}
"""Of a run, by the state of its step; KILLED for all others."""
CLIENT = {
    # The client's own tries would take minutes; who waits and tries again here is the sender.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class Runs:
    """The runs of one sweep.

    Args:
        sweep: its file's fields are kept beside its run.
        code: what makes the runs.
    """

    def __init__(self, sweep: Sweep, code: Code) -> None:
        self.spec, self.plan, self.store = sweep
        self.uri, self.sweep = self.spec.tracking_uri, self.spec.sweep
        self._code = {CODE: str(code)} | ({"mlflow.source.git.commit": code.commit} if code.commit else {})
        self.experiment: str | None = None
        self.parent: str | None = None
        self.connected = False
        self._client: Any = None
        self._ids: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._fresh: set[str] = set()
        """Runs that were made since MLflow was connected, and have not ended."""
        self._steps: dict[str, Event] = {}
        self._said = RunBuffer()
        for name, setting in CLIENT.items():
            os.environ.setdefault(name, setting)

    # --- MLflow itself ---------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Find the experiment and the sweep's runs, or make them."""
        if self.connected:
            return
        for name in ("mlflow.store.db.utils", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        mlflow.set_tracking_uri(self.uri)
        with _alone(self.uri):
            self._client = MlflowClient(self.uri)
            self.experiment = self._experiment()
        self._outcomes = StepResults(
            self._client,
            self.experiment,
            self.sweep,
            self.plan,
            self.store,
            self.spec.models,
            self._said,
            self.run_of,
        )
        self.parent = self._parent()
        for run in self._search(f"tags.`{PARENT}` = '{self.parent}'"):
            self._ids.setdefault(run.data.tags[STEP], run.info.run_id)
            self._states.setdefault(run.data.tags[STEP], run.info.status)
        self.connected = True

    def forget(self) -> None:
        """After an error: what is known of the runs may be wrong."""
        self.connected = False
        for known in (self._ids, self._states, self._fresh):
            known.clear()
        self._said.forget()

    def obstacle(self) -> str | None:
        """What keeps MLflow, or the store of its artifacts, from answering at all; None where they answer."""
        try:
            with _alone(self.uri):
                client = MlflowClient(self.uri)
                client.search_experiments(max_results=1)
                if self.parent is not None:
                    client.list_artifacts(self.parent)
        except Exception as error:
            if isinstance(error, mlflow.MlflowException) and error.get_http_status_code() == HTTPStatus.NOT_FOUND:
                return None  # it answers, and knows the sweep's run no more
            return refusal(error) or self._away()
        return None

    def _away(self) -> str:
        if self.uri.startswith(SQLITE):
            return "cannot be read or written: see the file, and what is free on its disk"
        return f"does not answer {socket.gethostname()}, where the driver runs: start it, or mend `tracking`"

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            location = None
            if self.uri.startswith(SQLITE):
                location = Path(self.uri.removeprefix(SQLITE)).with_name("mlflow-artifacts").as_uri()
            try:
                return str(self._client.create_experiment(EXPERIMENT, artifact_location=location))
            except mlflow.MlflowException:  # another driver was first
                found = self._client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _parent(self) -> str:
        """The sweep's run."""
        tags = {SWEEP: self.sweep, STORE: self.store.uri, **self._code}
        where = f"tags.`{SWEEP}` = '{self.sweep}'"  # a path may have quotes in it, which a filter cannot
        run, new = self._one(where, self.sweep, tags, _now())
        if new or "sweep.json" not in [one.path for one in self._client.list_artifacts(run.info.run_id)]:
            self._client.log_dict(run.info.run_id, self.spec.model_dump(mode="json"), "sweep.json")
        return str(run.info.run_id)

    def _one(self, where: str, name: str, tags: dict[str, str], began: int) -> tuple[Run, bool]:
        """The one run that fits and has the store of `tags`, and whether it is new."""
        if found := self._search(where, tags):
            return found[0], False
        return self._made(where, name, tags, began)

    def _made(self, where: str, name: str, tags: dict[str, str], began: int) -> tuple[Run, bool]:
        """A run of which none is known, or the one that another driver has made meanwhile; and whether it is new."""
        tags = {limits.key(tag): limits.value(text, limits.TAG) for tag, text in tags.items()}
        created = self._client.create_run(self.experiment, began, tags, run_name=limits.value(name, limits.KEY))
        first = self._search(where, tags)[0]
        if first.info.run_id != created.info.run_id:
            self._client.delete_run(created.info.run_id)
            return first, False
        return created, True

    def _search(self, where: str, tags: Mapping[str, str] = MappingProxyType({})) -> list[Run]:
        """Runs that fit and have the store of `tags`, where that names one; the oldest first."""
        runs: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self.experiment], where, max_results=1000, page_token=token, order_by=["attributes.start_time ASC"]
            )
            runs.extend(page)
            token = page.token
            if not token:
                runs = [run for run in runs if run.data.tags.get(STORE) == tags.get(STORE)] if STORE in tags else runs
                return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    # --- events ----------------------------------------------------------------------------------------------

    def remember(self, events: Iterable[Event]) -> None:
        """Know the steps that a journal speaks of: what it says of them may come from a later place in it."""
        self._steps |= {event["step"]: event for event in events if event["what"] == "begin"}

    def apply(self, event: Event) -> None:
        """Do what an event says; numbers wait for `flush`."""
        what = event["what"]
        if what == "begin":
            self._begin(event)
        elif what == "points":
            self._said.add(self._client, self._run_of(event), event["points"], event["at"])
        elif what == "finish":
            self._finish(event)
        elif what == "means":
            assert self.parent is not None
            self._said.add(self._client, self.parent, event["points"], event["at"])
        elif what == "champions":
            for target, step in event["best"].items():
                self._outcomes.register_champion(target, step)
        elif what == "folder":
            self._client.log_artifacts(self.parent, event["path"], event["name"])
        elif what == "open":
            self._client.update_run(self.parent, status="RUNNING")
        elif what == "close":
            self._client.set_terminated(self.parent, event["status"], event["at"])

    def flush(self) -> None:
        """Send what waits."""
        self._said.flush(self._client)

    def run_of(self, step: str) -> str | None:
        """The run of a step, where there is one yet."""
        return self._ids.get(step)

    def _begin(self, event: Event) -> str:
        """The step's run, made or continued, and marked as running."""
        self._steps[event["step"]] = event
        run_id = self._run_of(event)
        if run_id not in self._fresh:  # one that was just made is running
            self._client.set_tag(run_id, "state", StepState.RUNNING.value)
            self._client.update_run(run_id, status="RUNNING")
        return run_id

    def _run_of(self, event: Event) -> str:
        """The run of the step that an event speaks of, made if there is none."""
        step = event["step"]
        if step in self._ids:
            return self._ids[step]
        begin = self._steps.get(step)
        if begin is None and step in self.plan.steps:
            begin = begun(self.plan.steps[step])
        if begin is None:
            raise LookupError(f"no run for {step}, and nothing is known of it; xstilts track --rebuild makes it again")
        tags = {STEP: step, PARENT: self.parent, "state": StepState.RUNNING.value, **self._code, **begin["tags"]}
        where = f"tags.`{PARENT}` = '{self.parent}' and tags.`{STEP}` = '{step}'"
        run, new = self._made(where, begin["name"], tags, begin["at"])
        run_id = str(run.info.run_id)
        params = [
            Param(limits.key(name), limits.value(text, limits.PARAM))
            for name, text in begin["params"].items()
            if limits.key(name) not in run.data.params
        ]
        self._said.describe(run_id, params=params)
        if new:
            self._said.begin(run_id)
            self._fresh.add(run_id)
        self._ids[step] = run_id
        return run_id

    def _finish(self, event: Event) -> None:
        """Close a step's run, with what the store has of the step."""
        step, state = event["step"], StepState(event["state"])
        run_id = self._run_of(event)
        tags = {"state": (state if state in STATUS else StepState.STOPPED).value}
        if event.get("error"):
            tags["error"] = event["error"]
        if state is StepState.DONE:
            tags |= self._outcomes.done(run_id, step, event["at"])
        elif step in self.plan.steps:
            tags |= self._outcomes.so_far(run_id, step, event["at"])
        batch = [RunTag(limits.key(name), limits.value(text, limits.TAG)) for name, text in tags.items()]
        self._said.describe(run_id, tags=batch)
        self._said.flush(self._client, run_id)
        if run_id not in self._fresh:
            for tag in {"error", "stopped"} & set(self._client.get_run(run_id).data.tags) - set(tags):
                self._client.delete_tag(run_id, tag)
        status = STATUS.get(state, "KILLED")
        self._client.set_terminated(run_id, status, event["at"])
        self._fresh.discard(run_id)
        self._states[step] = status

    def reconcile(self, everything: bool) -> Iterator[None]:
        """Bring all runs in line with the store: every done step of the plan has a finished run (`everything`: and the
        run all that the store has), and no run is open whose step nobody works on. A pause after each."""
        for step in filter(self.store.done, self.plan.steps):
            if (everything or self._states.get(step) != "FINISHED") and self.store.check(step) is None:
                finished = datetime.fromisoformat(StepRecord.of(self.store, step).finished_at)
                self._finish({"step": step, "state": StepState.DONE, "at": int(finished.timestamp() * 1000)})
                yield
        held = active_leases(self.store.files, self.store.root)
        for step in (
            self._unfinished() if everything else [s for s, status in self._states.items() if status == "RUNNING"]
        ):
            if step not in held:
                failure = self.store.failure(step)
                state, error = (StepState.FAILED, failure["text"]) if failure else (StepState.PAUSED, "")
                self._finish({"step": step, "state": state, "error": error, "at": _now()})
                yield

    def _unfinished(self) -> list[str]:
        """The steps that are not done and have left something."""
        return [
            step
            for step in self.plan.steps
            if not self.store.done(step)
            and (self.store.paused(step) or self.store.failure(step) or self._states.get(step) == "RUNNING")
        ]


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Of several drivers that open a new SQLite file at once each would make its tables, and the file stay broken."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _now() -> int:
    """Milliseconds, as MLflow counts time."""
    return int(time.time() * 1000)
