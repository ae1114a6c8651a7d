"""`xstilts ui`: however it ends, nothing of its server is left; a port or a place that cannot be used is one line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from cluster.local.janitor import MARK

COMMAND = [sys.executable, "-m", "sweeps.cli.main", "ui"]
PATIENCE = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(root: int) -> set[int]:
    """A process and all that came from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = {root}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def alive(processes: set[int]) -> dict[int, str]:
    found = {}
    for process in processes:
        try:
            status = Path(f"/proc/{process}/status").read_text()
            if "State:\tZ" not in status:
                found[process] = Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


@pytest.mark.programs
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_the_server_is_left_however_it_ends(sweep_file, tmp_path, end):
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    with (tmp_path / "log").open("w") as log:
        ui = subprocess.Popen(
            [*COMMAND, str(sweep_file()), "--port", str(port)], stdout=log, stderr=log, env=environment
        )
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert ui.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < until, (tmp_path / "log").read_text()
                time.sleep(0.2)
        processes = family(ui.pid)
        assert len(processes) > 2
        assert not [command for command in alive(processes).values() if "jobs" in command]
        ui.send_signal(end)
        ui.wait(timeout=PATIENCE)
        while alive(processes) and time.monotonic() < until + PATIENCE:
            time.sleep(0.2)
        assert alive(processes) == {}
    finally:
        ui.kill()


def test_what_cannot_be_used_is_one_line(sweep_file, tmp_path):
    (tmp_path / "garbage.db").write_text("no database, but twenty letters")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words, said in (
            (["--port", "70000"], "--port 70000: a port is a number from 1 to 65535"),
            (["--port", str(port)], f"--port {port}: cannot be used (Address already in use); give another"),
            (["-o", f"tracking=sqlite:///{tmp_path}/garbage.db"], "garbage.db is no file of SQLite; give another"),
        ):
            done = subprocess.run([*COMMAND, str(sweep_file()), *words], capture_output=True, text=True)
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 1
            assert said in done.stderr
