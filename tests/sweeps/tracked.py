"""What the tests of tracking drive: a real server that can be killed, and steps that are done in no time.

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

from sweeps.planner import make_plan
from sweeps.reading import read_spec
from sweeps.tracking import Tracker
from trainables.recipe import DataRecipe
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

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    @property
    def words(self) -> list[str]:
        """The command after Python's own name."""
        database = f"sqlite:///{self.folder / 'mlflow.db'}"
        words = ["-m", "mlflow", "server", "--backend-store-uri", database, "--host", "127.0.0.1", "--workers", "1"]
        return [*words, "--port", str(self.port), "--artifacts-destination", str(self.folder / "artifacts")]

    def start(self) -> None:
        env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.words], stdout=log, stderr=log, cwd=self.folder, start_new_session=True, env=env
            )
        for _ in range(1500):
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=1)
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.2)
        raise AssertionError("no server after five minutes")

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
    return {
        "global_step": upto,
        "global_steps": 10,
        "losses": LOSSES[begin:upto],
        **PACE[upto],
        "dev_value": 50.0 + upto,
        "dev_f1": 50.0 + upto,
    }


def commit(step, store):
    """Make a step done, as if it had been carried out."""
    recipe = step.recipe.model_dump(mode="json")
    result = {}
    made = store.begin(step.id)
    if step.kind == "train":
        dev = [{"step": at, "value": 50.0 + at, "f1": 50.0 + at} for at in (5, 10)]
        pace = [{"step": at, **PACE[at]} for at in (5, 10)]
        result = {"losses": [list(one) for one in LOSSES], "dev": dev, "best": dev[-1], "collapsed": None, "pace": pace}
        (made / "model").mkdir()
        (made / "model" / "config.json").write_text("{}")
    if isinstance(step.recipe, DataRecipe):
        result = {f"{rows.split}-{rows.language}": {"source": "made up", "examples": 8} for rows in step.recipe.rows}
    if step.kind == "evaluate":
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
    if step.kind == "train":
        tracker.progress(step, report(5))
        tracker.progress(step, report(10, begin=5))
    commit(step, store)
    tracker.finish(step, "done")


def main(file: str, begun: int | None = None) -> None:
    spec, plan, store = opened(file)
    tracker = Tracker(spec, plan, store)
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
