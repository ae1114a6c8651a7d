"""A small sweep in a process of its own, as a user starts it, and everything that can be seen of it from outside."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from cluster.local.janitor import marked
from trainables.store import MODEL, Store

FIELDS = {
    "sweep": "faults",
    "models": {
        "small": {
            "architecture": {
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "intermediate_size": 64,
                "max_position_embeddings": 130,
            },
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
        }
    },
    "intermediates": ["none", "gen-nli"],
    "targets": [{"task": "gen-tags", "languages": ["one", "two"]}],
    "seeds": [1],
    "generated": {"size": 0.05},
    "training": {
        "all": {"steps": 400, "evaluate_every": 100, "batch_size": 16, "max_length": 64, "learning_rate": 1e-3}
    },
    "execution": {"log_every": 5, "state_every": 20, "stall_minutes": 0.5},
}
QUICK = {
    "intermediates": ["gen-nli"],
    "training": {"all": {"steps": 150, "evaluate_every": 50, "batch_size": 16, "max_length": 64}},
}
"""The fields of one that trains for seconds."""
WORKER, CONTROLLER, TRIAL, CONTROL = (
    "ray::RayTrainWorker",
    "ray::TrainController",
    "ray::ImplicitFunc",
    "ray::ControlActor",
)
BY_THE_CLOCK = ("train_seconds", "throughput")
SECONDS = 600
"""After which a sweep that does not end is a failure of the test."""
MARK = "XSTILTS_TEST"
ROOT = Path(__file__).parents[2]
Seen = TypeVar("Seen")


class Sweep:
    """The sweep, its store (under `folder`, unless told otherwise), and one driver at a time."""

    def __init__(self, folder: Path, storage: str | None = None, **fields: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.log, self.store = folder / "sweep.yaml", folder / "log", Store(storage or str(folder / "store"))
        self._fields = {**FIELDS, **fields, "storage": self.store.uri}
        if storage is not None:
            self._fields["tracking"] = f"sqlite:///{folder}/mlflow.db"
        self.track(None)
        self.mark = uuid.uuid4().hex
        self.driver: subprocess.Popen | None = None
        self._temporary = _temporary()

    def track(self, url: str | None) -> None:
        """Have the next driver tell the server at `url`, or a file in the store."""
        self.file.write_text(yaml.safe_dump(self._fields | ({"tracking": url} if url else {})))

    # --- running ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start a driver, with a Ray of its own."""
        # What a shell starts in the background ignores Ctrl-C, and so would its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with self.log.open("a") as log:
            log.write("\n--- a new driver\n")
            log.flush()
            self.driver = subprocess.Popen(
                [sys.executable, "-m", "sweeps.cli.main", "run", str(self.file), "--cpus", "2"],
                stdout=log,
                stderr=log,
                cwd=self.file.parent,  # where the tables go, if the store is no folder
                env={**os.environ, MARK: self.mark, "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )

    def end(self) -> int:
        """Wait for the driver to end; its exit code."""
        assert self.driver is not None
        try:
            return self.driver.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError(f"the sweep does not end:\n{self.said()[-3000:]}") from None

    def abandon(self) -> None:
        """Leave nothing running."""
        for process in marked(self.mark, MARK):
            _kill(process, signal.SIGKILL)

    def finish(self, runs: int = 3) -> int:
        """Run until all is done; how many runs it took."""
        for number in range(1, runs + 1):
            self.start()
            if self.end() == 0:
                return number
        raise AssertionError(f"not done after {runs} runs:\n{self.said()[-3000:]}")

    def said(self) -> str:
        """What the drivers have printed."""
        return self.log.read_text(errors="replace")

    # --- looking ---------------------------------------------------------------------------------------------

    def process(self, title: str) -> int | None:
        """A process of this sweep whose title begins like that."""
        for process in marked(self.mark, MARK):
            if _command(process).startswith(title):
                return process
        return None

    def await_process(self, title: str) -> int | None:
        """The same, as soon as there is one; None when the driver ends before."""
        return self._await(lambda: self.process(title))

    def await_states(self) -> list[Path]:
        """The folders of the training states, as soon as a training has saved one; none when the driver ends before."""
        return self._await(lambda: [note.parent for note in Path(self.store.root).glob("states/*/state.json")]) or []

    def await_state(self) -> bool:
        """The same of any store: whether there is one."""
        return bool(self._await(lambda: any("state.json" in name for name in self._in("states"))))

    def await_said(self, words: str) -> None:
        """Wait until a driver has printed `words`."""
        assert self._await(lambda: words in self.said()) or words in self.said(), self.said()

    def strike(self, title: str, number: int = signal.SIGKILL) -> bool:
        """Send a signal to such a process, as soon as there is one; False when there was none."""
        found = self.await_process(title)
        return found is not None and _kill(found, number)

    def finished(self) -> dict[str, str]:
        """When each done step was finished."""
        return {step: self.store.record(step)["finished_at"] for step in self._done()}

    def results(self) -> dict[str, object]:
        """What does not depend on the clock: results of steps, and digests of the weights."""
        found: dict[str, object] = {}
        for step in self._done():
            result = self.store.record(step)["result"]
            result = {name: value for name, value in result.items() if name not in BY_THE_CLOCK}
            weights = self.store.path(step) / MODEL / "model.safetensors"
            digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else None
            found[step] = (result, digest)
        return found

    def leftovers(self) -> list[str]:
        """Processes, temporary folders and remains in the store; Ray's own may take some seconds to end."""
        until = time.monotonic() + 30
        while (found := self._left()) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    def _left(self) -> list[str]:
        found = [f"{process} {_command(process)[:100]}" for process in marked(self.mark, MARK)]
        # What another Ray on this machine uses is not left over.
        found += sorted(folder for folder in _temporary() - self._temporary if not marked(folder))
        for folder in ("states", "leases", "owners", "failures", "ray"):
            found += self._in(folder)
        done = set(self._done())
        found += [name for name in self._in("steps") if name.split("/")[0] not in done]
        return found

    def _in(self, folder: str) -> list[str]:
        """What is in a folder of the store and below it; of an object store no folders, which may be empty there."""
        entries = self.store.files.list(self.store.at(folder), deep=True)
        found = [entry for entry in entries if entry.is_file or self.store.local]
        return [entry.path.removeprefix(self.store.at(folder, "")) for entry in found]

    def forget(self, *kinds: str) -> None:
        """Take steps whose names begin like that out of the store."""
        for step in self._done():
            if step.startswith(kinds):
                self.store.files.delete_tree(self.store.at("steps", step))

    def _await(self, look: Callable[[], Seen]) -> Seen | None:
        """What `look` sees, as soon as it sees something; None when the driver ends before."""
        until = time.monotonic() + SECONDS
        while self.driver is not None and self.driver.poll() is None and time.monotonic() < until:
            if seen := look():
                return seen
            time.sleep(0.05)
        return None

    def _done(self) -> list[str]:
        return [step.name for step in self.store.files.list(self.store.at("steps")) if self.store.done(step.name)]


def _command(process: int) -> str:
    """What a process runs, or its title; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def _kill(process: int, number: int) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def _temporary() -> set[str]:
    return {str(path) for path in Path("/tmp").glob("xstilts-*") if path.is_dir()}
