"""One node of Ray within a job of Slurm: starts it, keeps it, and removes every trace of it.

    srun ... python -m cluster.slurm.node --address HOST:PORT [--scratch FOLDER]

The first task of the step is the head; `HOST:PORT` is where it listens, and the two ports behind that are its as well.
Standard output has `ready` when Ray runs here, or `failed`, with a line on standard error. Ray runs until standard
input ends: signals, which Slurm sends to every step of a job that shall end, are meant for the driver alone, whose
running steps need Ray to save what they have.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from cluster.local.janitor import clean
from cluster.needs import SAFE

MARK = "XSTILTS_SLURM"
"""Environment variable of all processes of one node: the folder of its files."""
PREFIX = "xstilts-job-"
ROOM = 2 * 2**30
"""Bytes that Ray shall find free on the node's own disk."""
STORE = 2 * 2**30
"""Bytes of Ray's object store, at most: weights and rows go through the sweep's storage, not through it."""
SOCKET = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store.1234567")
LONGEST = 107
"""Bytes of a socket's path, at most: Linux, `unix(7)`."""
LATE = "timed out during startup"
"""What Ray says where its processes have not appeared within 30 seconds, as on a busy node: it is tried again."""


class NodeError(RuntimeError):
    """Ray cannot run here; the message is one line with the mend."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--scratch")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which Ray's processes would inherit
    folder, lock = None, None
    try:
        folder, lock = own_folder(given.scratch, os.environ)
        start(folder, given.address, os.environ)
        print("ready", flush=True)
        sys.stdin.buffer.read()
        return 0
    except NodeError as error:
        print("failed", flush=True)
        print(f"xstilts: {socket.gethostname()}: {error}", file=sys.stderr, flush=True)
        return 2
    finally:
        if folder is not None and lock is not None:
            remove(folder, lock)


def own_folder(scratch: str | None, environment: Mapping[str, str]) -> tuple[Path, TextIO]:
    """A folder of this job alone on the node's own disk, and the lock that says that it is in use.

    What is left of jobs of the same user that were killed, whose locks are free, is removed.

    Args:
        scratch: the folder to make it in, with names of variables to replace; None: that which Slurm or the site name.

    Raises:
        NodeError: it cannot be made, or has no room.
    """
    said = scratch or "the node's own disk"
    place = Path(os.path.expandvars(scratch or environment.get("SLURM_TMPDIR") or environment.get("TMPDIR") or "/tmp"))
    job = f"{environment['SLURM_JOB_ID']}.{environment['SLURM_NODEID']}"  # the folder may be shared against our advice
    try:
        place.mkdir(parents=True, exist_ok=True)
        for other in place.glob(f"{PREFIX}{os.getuid()}-*.lock"):
            with other.open("a") as file:
                if _locked(file):
                    remove(Path(file.name.removesuffix(".lock")), file)
        lock = (place / f"{PREFIX}{os.getuid()}-{job}.lock").open("a")
        if not _locked(lock):
            raise NodeError(f"{place}: another task {job} uses this folder")
        folder = Path(lock.name.removesuffix(".lock"))
        folder.mkdir(mode=0o700)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise NodeError(f"{place} cannot be used for Ray's files ({error.strerror}); give another --scratch") from None
    if free < ROOM:
        remove(folder, lock)
        raise NodeError(
            f"{place}: {free / 2**30:.1f} GiB are free, Ray wants {ROOM / 2**30:g} on {said}: free some, or give "
            "another --scratch"
        )
    return folder, lock


def start(folder: Path, address: str, environment: Mapping[str, str]) -> None:
    """Start Ray here, as the head where this is the first node. Raises NodeError."""
    if not environment.get("RAY_AUTH_TOKEN"):
        raise NodeError("RAY_AUTH_TOKEN is not in the environment: srun must hand it over (--export=ALL)")
    host, _, port = address.rpartition(":")
    files = folder / "r"  # Ray opens its folder to everybody
    if len(os.fsencode(files)) + SOCKET > LONGEST:  # sockets lie elsewhere then, and logs with them; objects do not
        short = Path("/tmp") / folder.name
        short.mkdir(mode=0o700, exist_ok=True)
        files = short / "r"
    if environment["SLURM_NODEID"] == "0":
        role = ["--head", f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=true"]
        role += [f"--dashboard-port={int(port) + 1}", f"--ray-client-server-port={int(port) + 2}"]
        role += [f'--resources={{"{SAFE}": 1000}}']  # without this node the job is over in any case
    else:
        role = [f"--address={address}"]
    shared = shutil.disk_usage("/dev/shm").free if os.path.isdir("/dev/shm") else STORE
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", *role),
        f"--num-cpus={environment.get('SLURM_CPUS_ON_NODE') or os.cpu_count()}",
        f"--num-gpus={_gpus(environment)}",
        f"--temp-dir={files}",
        f"--object-spilling-directory={folder}",
        f"--object-store-memory={max(min(STORE, shared // 2), 80 * 2**20)}",
        # Any port that is free, where Ray has fixed ones that the next job's Ray on this node would want as well.
        *("--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"),
        "--disable-usage-stats",
    ]
    # Sockets of Ray's Python processes lie in TMPDIR, and stay when they are killed.
    marked = {**environment, MARK: str(folder), "TMPDIR": str(files.parent)}
    for last in (False, False, True):
        done = subprocess.run(command, env=marked, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if not done.returncode:
            return
        if last or LATE not in done.stderr + done.stdout:
            raise NodeError(f"Ray did not start ({_said(done.stdout + done.stderr)})")
        clean(str(folder), MARK, patience=0)
        folder.mkdir(mode=0o700)


def remove(folder: Path, lock: TextIO) -> None:
    """End what runs with its files in `folder`, remove them, and free the lock."""
    clean(str(folder), MARK, patience=0)
    shutil.rmtree(Path("/tmp") / folder.name, ignore_errors=True)
    Path(lock.name).unlink(missing_ok=True)
    lock.close()


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _gpus(environment: Mapping[str, str]) -> int:
    """As many as Slurm gave this step: those that CUDA may see."""
    seen = environment.get("CUDA_VISIBLE_DEVICES", environment.get("ROCR_VISIBLE_DEVICES", ""))
    return len([one for one in seen.split(",") if one.strip() and one.strip() not in ("-1", "NoDevFiles")])


def _said(output: str) -> str:
    """The line of a program's output that says most likely what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and "INFO " not in line]
    likely = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    likely = likely or [line for line in lines if "error" in line.lower()] or lines or ["it said nothing"]
    return likely[-1]


if __name__ == "__main__":
    sys.exit(main())
