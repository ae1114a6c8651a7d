"""What the tests of tracking drive: a real server that can be killed, steps that are done in no time, and what MLflow
says of them.

python -m tests.sweeps.tracked FILE        a driver: carries out every step of the plan, tells MLflow, and waits
python -m tests.sweeps.tracked FILE N      begins N steps, waits until MLflow has that, and is killed
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from mlflow import MlflowClient

from sweeps.plan.planner import make_plan
from sweeps.schedule.states import StepState
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from sweeps.tracking import PARENT, STEP, Tracker
from trainables.host import TrainReport
from trainables.recipe.recipes import DataRecipe
from trainables.store import Store
from trainables.tasks import get_task

PACE = {at: {"learning_rate": 0.1 / at, "tokens_per_second": 100.0 + at, "gpu_memory_gib": 1.5} for at in (5, 10)}
LOSSES = [(at, 2.0 - at / 10) for at in range(1, 11)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A real `mlflow server` with a SQLite backend in `folder`, always on the same port."""

    user: str | None = None
    """Whom it runs as; None: as the tests do."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        database = f"sqlite:///{self.folder / 'mlflow.db'}"
        words = ["-m", "mlflow", "server", "--backend-store-uri", database, "--host", "127.0.0.1", "--workers", "1"]
        words += ["--port", str(self.port), "--artifacts-destination", str(self.folder / "artifacts")]
        return [sys.executable, *words]

    def environment(self) -> dict[str, str]:
        return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=1)
        except OSError:
            return False
        return True

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self.user,
                start_new_session=True,
                env={**os.environ, **self.environment()},
            )

    def start(self) -> None:
        self.begin()
        self.wait()

    def wait(self) -> None:
        """Until it answers; on a busy machine that takes minutes."""
        for _ in range(3000):
            if self.answers():
                return
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.2)
        raise AssertionError(f"no server after ten minutes\n{(self.folder / 'server.log').read_text()}")

    def kill(self) -> None:
        """At once, with its workers."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


def opened(file, **fields):
    """Spec, plan, store of a sweep file."""
    spec = read_spec(Path(file)).model_copy(update=fields)
    plan = make_plan(spec, str(file))
    return spec, plan, Store(spec.storage)


def report(upto, begin=0):
    return TrainReport(
        global_step=upto,
        global_steps=10,
        steps_per_second=1.0,
        losses=tuple(LOSSES[begin:upto]),
        dev_value=50.0 + upto,
        dev={"f1": 50.0 + upto},
        curve=((upto, 50.0 + upto),),
        **PACE[upto],
    )


def commit(step, store):
    """Make a step done, as if it had been carried out."""
    recipe = step.recipe.model_dump(mode="json")
    result = {}
    made = store.begin(step.id)
    if step.kind.group == "train":
        dev = [{"step": at, "value": 50.0 + at, "f1": 50.0 + at} for at in (5, 10)]
        pace = [{"step": at, **PACE[at]} for at in (5, 10)]
        result = {
            "losses": [list(one) for one in LOSSES],
            "dev": dev,
            "best": dev[-1],
            "collapsed": None,
            "throughput": pace,
        }
        (made / "model").mkdir()
        (made / "model" / "config.json").write_text("{}")
    if isinstance(step.recipe, DataRecipe):
        result = {f"{rows.split}-{rows.language}": {"source": "made up", "examples": 8} for rows in step.recipe.rows}
    if step.kind.group == "evaluate":
        task = get_task(step.recipe.task.name)
        result = {
            "metrics": {one: dict.fromkeys(task.main_metrics, 40.0 + i) for i, one in enumerate(step.recipe.languages)}
        }
        (made / "metrics.json").write_text("{}")
        (made / "predictions").mkdir()
        for language in step.recipe.languages:
            (made / "predictions" / f"{language}.jsonl").write_text('{"id": "1"}\n')
    record = {"seconds": 1.5, "result": result, "recipe": recipe, "fingerprint": step.recipe.fingerprint}
    store.commit(step.id, made, {**record, "finished_at": "2026-01-02T03:04:05+00:00"})


def carry_out(step, tracker, store):
    """The events of a step that is carried out."""
    tracker.begin(step)
    if step.kind.group == "train":
        tracker.progress(step, report(5))
        tracker.progress(step, report(10, begin=5))
    commit(step, store)
    tracker.finish(step, StepState.DONE)


def dump(spec, store):
    """All that MLflow says of a sweep, without ids and times."""
    client = MlflowClient(spec.tracking_uri)
    experiment = client.get_experiment_by_name("xstilts").experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`xstilts.store` = '{store.uri}'")
    champions = {
        one.name: client.get_model_version_by_alias(one.name, "champion").tags
        for one in client.search_registered_models(f"name LIKE '{spec.sweep}.%'")
    }
    children = client.search_runs([experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'")
    return {"champions": champions} | {
        run.data.tags.get(STEP, "sweep"): {
            "status": run.info.status,
            "tags": {name: text for name, text in run.data.tags.items() if name != PARENT},
            "params": run.data.params,
            "metrics": {
                name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
                for name in run.data.metrics
            },
            "files": sorted(
                one.path
                for path in (None, "predictions", "results")
                for one in client.list_artifacts(run.info.run_id, path)
            ),
            "models": [
                (model.name, model.model_type, model.tags["path"], model.tags["fingerprint"])
                for model in client.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'")
            ],
            "model outputs": len(run.outputs.model_outputs) if run.outputs else 0,
            "scores of the model": sorted(
                (one.key, one.value, one.dataset_name, one.dataset_digest)
                for model in client.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'")
                for one in model.metrics or ()
            ),
            "data": sorted(
                (one.dataset.name, one.dataset.digest, one.dataset.source, str(one.tags))
                for one in (run.inputs.dataset_inputs if run.inputs else ())
            ),
        }
        for run in (parent, *children)
    }


def main(file: str, begun: int | None = None) -> None:
    spec, plan, store = opened(file)
    tracker = Tracker(Sweep(spec, plan, store))
    if begun is not None:
        for step in list(plan.steps.values())[:begun]:
            tracker.begin(step)
        assert tracker.wait(120)
        os.kill(os.getpid(), signal.SIGKILL)
    tracker.open()
    for step in plan.steps.values():
        carry_out(step, tracker, store)
    print("all", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
