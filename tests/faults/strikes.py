"""What may happen to a sweep. A strike starts the driver, does its harm, and returns when the driver has ended."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from sweeps.tracking import STEP
from tests.faults.sweep import CONTROL, CONTROLLER, TRIAL, WORKER, Sweep
from tests.sweeps.tracked import Server

Strike = Callable[[Sweep, random.Random], str]
"""Says what it has done."""


def kills(title: str, number: int = signal.SIGKILL) -> Strike:
    """Strike such a process somewhere in a training; the same driver has to cope."""

    def strike(sweep: Sweep, draw: random.Random) -> str:
        sweep.start()
        sweep.await_process(WORKER)
        wait = draw.uniform(0, 6)
        time.sleep(wait)
        hit = sweep.strike(title, number)
        code = sweep.end()
        return f"{wait:.1f} s into a training, {'hit' if hit else 'missed'}; exit {code}"

    return strike


def ends(number: int) -> Strike:
    """Send a signal to the driver at any moment of its life."""

    def strike(sweep: Sweep, draw: random.Random) -> str:
        sweep.start()
        assert sweep.driver is not None
        if draw.random() < 0.7:
            sweep.await_process(WORKER)
        wait = draw.uniform(0, 8)
        time.sleep(wait)
        sweep.driver.send_signal(number)
        asked = time.monotonic()
        code = sweep.end()
        assert code != 0, "it went on"
        return f"after {wait:.1f} s; exit {code} within {time.monotonic() - asked:.0f} s"

    return strike


def _paused(sweep: Sweep) -> list[Path]:
    """Stop a sweep in the middle of a training; the folders of the training states."""
    sweep.start()
    states = sweep.await_states()
    assert sweep.driver is not None
    sweep.driver.kill()
    sweep.end()
    return states


def cut_state(sweep: Sweep, draw: random.Random) -> str:
    """Cut a file of a training state short."""
    files = [f for folder in _paused(sweep) for f in sorted(folder.rglob("*")) if f.is_file() and f.stat().st_size]
    if not files:
        return "there was no state"
    file = draw.choice(files)
    size = file.stat().st_size
    with file.open("r+b") as out:
        out.truncate(draw.randrange(size))
    return f"{file.name} of {size} bytes"


def spoil_record(sweep: Sweep, draw: random.Random) -> str:
    """Overwrite a part of a record."""
    _paused(sweep)
    file = draw.choice(sorted(Path(sweep.store.root).glob("steps/*/record.json")))
    text = bytearray(file.read_bytes())
    at = draw.randrange(len(text))
    text[at : at + 20] = b"\0" * len(text[at : at + 20])
    file.write_bytes(text)
    return f"of {file.parent.name.rpartition('-')[0]}"


def fill_disk(sweep: Sweep, draw: random.Random) -> str:
    """Let nothing be written to the store for a while: its folder is a small file system, and full."""
    sweep.start()
    sweep.await_process(WORKER)
    time.sleep(draw.uniform(0, 4))
    ballast = Path(sweep.store.root) / "ballast"
    try:
        with ballast.open("wb") as out:
            while True:
                out.write(bytes(2**16))
                out.flush()
    except OSError:
        pass
    time.sleep(draw.uniform(3, 12))
    ballast.unlink()
    return f"exit {sweep.end()}"


def lose_mlflow(sweep: Sweep, draw: random.Random) -> str:
    """Let the tracking server die in the middle, and come back."""
    folder = sweep.file.parent / "server"
    folder.mkdir()
    server = Server(folder)
    sweep.track(server.url)
    server.start()
    try:
        sweep.start()
        sweep.await_process(WORKER)
        time.sleep(draw.uniform(0, 4))
        server.kill()
        gone = draw.uniform(3, 15)
        time.sleep(gone)
        server.start()
        code = sweep.end()
        client = MlflowClient(server.url)
        experiment = client.get_experiment_by_name("xstilts")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        closed = {run.data.tags.get(STEP): run.info.status for run in runs}
        assert closed == dict.fromkeys([None, *sweep.finished()], "FINISHED"), closed
    finally:
        server.kill()
        sweep.track(None)
    return f"for {gone:.1f} s; exit {code}, every run in it"


STRIKES: dict[str, Strike] = {
    "worker killed": kills(WORKER),
    "worker hangs": kills(WORKER, signal.SIGSTOP),
    "controller killed": kills(CONTROLLER),
    "trial killed": kills(TRIAL),
    "control actor killed": kills(CONTROL),
    "driver killed": ends(signal.SIGKILL),
    "driver terminated": ends(signal.SIGTERM),
    "Ctrl-C": ends(signal.SIGINT),
    "state cut short": cut_state,
    "record spoiled": spoil_record,
    "MLflow gone": lose_mlflow,
}
ON_A_SMALL_DISK: dict[str, Strike] = {"disk full": fill_disk}
"""These need a store on a file system of its own."""
