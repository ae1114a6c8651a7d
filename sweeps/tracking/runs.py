"""The runs of one sweep in MLflow: finds or makes them, and brings each up to what an event says.

Every event may come twice, or again after it was half done: runs are found by their tags before they are made, a
parameter is logged once, and a number is left out where the run has it at that step. Of two drivers that make the same
run at once, both go on with the older one.
"""

from __future__ import annotations

import fcntl
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from trainables.store import METRICS, MODEL, PREDICTIONS, Store
from trainables.store.leases import lease_of, read_owner

from . import limits
from .data import data_of
from .journal import Event
from .models import model_of, show_model
from .points import Point, evaluated, trained

STEP, SWEEP, PARENT = "xstilts.step", "xstilts.sweep", "mlflow.parentRunId"
STORE = "xstilts.store"
EXPERIMENT = "xstilts"
STATUS = {"done": "FINISHED", "failed": "FAILED", "running": "RUNNING"}
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
        spec: the sweep file's fields, kept beside the sweep's run.
        begins: gives the event with which a step of the plan begins; None for one that is not in the plan.
        done: gives the steps of the plan that are done.
    """

    def __init__(
        self,
        uri: str,
        sweep: str,
        store: Store,
        spec: dict[str, Any],
        commit: str,
        begins: Callable[[str], Event | None],
        done: Callable[[], Iterable[str]],
    ) -> None:
        self.uri, self.sweep, self.store, self.spec, self.commit = uri, sweep, store, spec, commit
        self._begins, self._done = begins, done
        self.shown = shown(uri)
        """The address, for people."""
        self.experiment: str | None = None
        self.parent: str | None = None
        self.connected = False
        self._client: Any = None
        self._ids: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._steps: dict[str, Event] = {}
        self._known: dict[tuple[str, str], dict[int, float]] = {}
        self._new: set[str] = set()
        self._waiting: dict[str, list[Metric]] = {}
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
        self.parent = self._parent()
        for run in self._search(f"tags.`{PARENT}` = '{self.parent}'"):
            self._ids.setdefault(run.data.tags[STEP], run.info.run_id)
            self._states.setdefault(run.data.tags[STEP], run.info.status)
        self.connected = True

    def forget(self) -> None:
        """After an error: what is known of the runs may be wrong."""
        self.connected = False
        for known in (self._ids, self._states, self._known, self._waiting):
            known.clear()
        self._new.clear()

    def answers(self) -> bool:
        """Whether MLflow answers at all."""
        try:
            with _alone(self.uri):
                MlflowClient(self.uri).search_experiments(max_results=1)
        except Exception:
            return False
        return True

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            location = None
            if self.uri.startswith("sqlite:///"):
                location = Path(self.uri.removeprefix("sqlite:///")).with_name("mlflow-artifacts").as_uri()
            try:
                return str(self._client.create_experiment(EXPERIMENT, artifact_location=location))
            except mlflow.MlflowException:  # another driver was first
                found = self._client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _parent(self) -> str:
        """The sweep's run."""
        tags = {SWEEP: self.sweep, STORE: self.store.uri, "mlflow.source.git.commit": self.commit}
        where = f"tags.`{SWEEP}` = '{self.sweep}' and tags.`{STORE}` = '{self.store.uri}'"
        run, new = self._one(where, self.sweep, tags, _now())
        if new or "sweep.json" not in [one.path for one in self._client.list_artifacts(run.info.run_id)]:
            self._client.log_dict(run.info.run_id, self.spec, "sweep.json")
        return str(run.info.run_id)

    def _one(self, where: str, name: str, tags: dict[str, str], began: int) -> tuple[Run, bool]:
        """The one run that fits, and whether it is new."""
        if found := self._search(where):
            return found[0], False
        tags = {limits.key(tag): limits.value(text, limits.TAG) for tag, text in tags.items()}
        made = self._client.create_run(self.experiment, began, tags, run_name=limits.value(name, limits.KEY))
        first = self._search(where)[0]
        if first.info.run_id != made.info.run_id:
            self._client.delete_run(made.info.run_id)
            return first, False
        return made, True

    def _search(self, where: str) -> list[Run]:
        """Runs that fit, the oldest first."""
        runs: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self.experiment], where, max_results=1000, page_token=token, order_by=["attributes.start_time ASC"]
            )
            runs.extend(page)
            token = page.token
            if not token:
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
            self._points(self._run_of(event), event["points"], event["at"])
        elif what == "finish":
            self._finish(event)
        elif what == "means":
            assert self.parent is not None
            self._points(self.parent, event["points"], event["at"])
        elif what == "folder":
            self._client.log_artifacts(self.parent, event["path"], event["name"])
        elif what == "open":
            self._client.update_run(self.parent, status="RUNNING")
        elif what == "close":
            self._client.set_terminated(self.parent, event["status"], event["at"])

    def flush(self) -> None:
        """Send the numbers that wait."""
        for run_id, metrics in self._waiting.items():
            for batch in limits.batches(metrics, limits.METRICS):
                self._client.log_batch(run_id, metrics=batch)
        self._waiting.clear()

    def run_of(self, step: str) -> str | None:
        """The run of a step, where there is one yet."""
        return self._ids.get(step)

    def _begin(self, event: Event) -> str:
        """The step's run, made or continued, and marked as running."""
        self._steps[event["step"]] = event
        run_id = self._run_of(event)
        self._client.set_tag(run_id, "state", "running")
        self._client.update_run(run_id, status="RUNNING")
        return run_id

    def _run_of(self, event: Event) -> str:
        """The run of the step that an event speaks of, made if there is none."""
        step = event["step"]
        if step in self._ids:
            return self._ids[step]
        begin = self._steps.get(step) or self._begins(step)
        if begin is None:
            raise LookupError(f"no run for {step}, and nothing is known of it; xstilts track --rebuild makes it anew")
        tags = {STEP: step, PARENT: self.parent, "mlflow.source.git.commit": self.commit, **begin["tags"]}
        run, new = self._one(
            f"tags.`{PARENT}` = '{self.parent}' and tags.`{STEP}` = '{step}'", begin["name"], tags, begin["at"]
        )
        run_id = str(run.info.run_id)
        params = [
            Param(limits.key(name), limits.value(text, limits.PARAM))
            for name, text in begin["params"].items()
            if limits.key(name) not in run.data.params
        ]
        for batch in limits.batches(params, limits.PARAMS):
            self._client.log_batch(run_id, params=batch)
        if new:
            self._new.add(run_id)
        self._ids[step] = run_id
        return run_id

    def _finish(self, event: Event) -> None:
        """Close a step's run; a done step's results come from the store."""
        run_id, state = self._run_of(event), event["state"]
        tags = {"state": state if state in STATUS else "stopped"}
        if event.get("error"):
            tags["error"] = event["error"]
        if state == "done":
            tags |= self._results(run_id, event)
            if "error" in self._client.get_run(run_id).data.tags:
                self._client.delete_tag(run_id, "error")
        self.flush()
        batch = [RunTag(limits.key(name), limits.value(text, limits.TAG)) for name, text in tags.items()]
        self._client.log_batch(run_id, tags=batch)
        status = STATUS.get(state, "KILLED")
        self._client.set_terminated(run_id, status, event["at"])
        self._states[event["step"]] = status

    def settle(self, everything: bool) -> Iterator[None]:
        """Bring all runs in line with the store: every done step of the plan has a finished run (`everything`: and the
        run all that the store has), and no run is open whose step nobody works on. A pause after each."""
        for step in self._done():
            if (everything or self._states.get(step) != "FINISHED") and self.store.check(step) is None:
                finished = datetime.fromisoformat(self.store.record(step)["finished_at"])
                self._finish({"step": step, "state": "done", "at": int(finished.timestamp() * 1000)})
                yield
        for step in [step for step, status in self._states.items() if status == "RUNNING"]:
            if not self._at_work(step):
                failure = self.store.failure(step)
                state, error = ("failed", failure["text"]) if failure else ("stopped", "")
                self._finish({"step": step, "state": state, "error": error, "at": _now()})
                yield

    def _at_work(self, step: str) -> bool:
        """Whether a driver that may live holds the step's lease."""
        lease = lease_of(self.store.files, self.store.root, step)
        if lease is None:
            return False
        owner = read_owner(self.store.files, self.store.root, lease.owner)
        return owner is None or not owner.process.is_gone

    # --- a step's results ------------------------------------------------------------------------------------

    def _results(self, run_id: str, event: Event) -> dict[str, str]:
        """Log what the store has of a done step; the tags that it gets."""
        step = event["step"]
        record = self.store.record(step)
        result, recipe = record["result"], record["recipe"]
        tags = {"path": self.store.locate(step)}
        points: list[Point] = [("seconds", record["seconds"], 0)]
        tie: dict[str, str] = {}
        data = data_of(recipe, self.store)
        if data:
            self._client.log_inputs(run_id, data)
        if recipe["kind"] == "train":
            points += trained(result)
            if result.get("collapsed"):
                tags |= {"state": "collapsed", "collapsed": result["collapsed"]["reason"]}
            about = {"path": self.store.locate(step, MODEL), "fingerprint": record["fingerprint"]}
            show_model(self._client, str(self.experiment), run_id, step, about)
        elif recipe["kind"] == "evaluate":
            points = evaluated(recipe["task"]["name"], result["metrics"])
            made = self.store.path(step)
            self._client.log_artifact(run_id, str(made / METRICS))
            self._client.log_artifacts(run_id, str(made / PREDICTIONS), PREDICTIONS)
            of = data[0].dataset
            tie = {"dataset_name": of.name, "dataset_digest": of.digest, **self._model_of(recipe["model"])}
            self._points(run_id, [("seconds", record["seconds"], 0)], event["at"])
        self._points(run_id, points, event["at"], tie)
        return tags

    def _model_of(self, origin: dict[str, Any]) -> dict[str, str]:
        """The logged model that an evaluation is of, as a metric names it; nothing where the model is no step's."""
        run_id = self._ids.get(origin.get("step", ""))
        model = model_of(self._client, str(self.experiment), run_id) if run_id else None
        return {"model_id": model.model_id} if model is not None else {}

    def _points(self, run_id: str, points: Iterable[Point], at: int, tie: dict[str, str] | None = None) -> None:
        """Let numbers wait for `flush`, those that the run does not have; `tie`: the model and the data they are of."""
        for name, value, step in points:
            known = self._known_of(run_id, limits.key(name))
            before = known.get(step)
            if before is not None and (
                math.isclose(before, value, rel_tol=1e-6) or (before != before and value != value)
            ):
                continue
            known[step] = value
            self._waiting.setdefault(run_id, []).append(Metric(limits.key(name), value, at, step, **(tie or {})))

    def _known_of(self, run_id: str, name: str) -> dict[int, float]:
        """What the run has under a name, by optimiser step: the latest that was said."""
        found = self._known.get((run_id, name))
        if found is None:
            history = [] if run_id in self._new else self._client.get_metric_history(run_id, name)
            found = {one.step: one.value for one in sorted(history, key=lambda one: one.timestamp)}
            self._known[run_id, name] = found
        return found


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Of several drivers that open a new SQLite file at once each would make its tables, and the file stay broken."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    path = Path(uri.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _now() -> int:
    """Milliseconds, as MLflow counts time."""
    return int(time.time() * 1000)


def shown(uri: str) -> str:
    """An address without a user's name and password."""
    parts = urlsplit(uri)
    return uri.replace(f"{parts.netloc.rpartition('@')[0]}@", "") if "@" in parts.netloc else uri
