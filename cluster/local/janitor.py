"""Clean up after programs that a process has started, however it ended: a Ray of this machine's own, MLflow's server.

Ray's daemons end with the process that started them, but not all and not at once: when that is killed, two of Ray's
agents stay for minutes and report to a server that is gone, and the folder of the session stays for good. This process
does nothing until its standard input closes, which happens when its parent ends, in whatever way. Then it kills what is
left of what was started, which it knows by the folder's name in the environment, and removes the folder.

    python janitor.py FOLDER

It is run as a script by an interpreter that imports nothing else, so it uses the standard library alone. `cleaned_up`
starts it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

MARK = "XSTILTS_RAY"
"""Environment variable of all processes that are to end with the one that started them: the folder of its files."""
PATIENCE = 3.0
"""Seconds in which processes may end by themselves."""


@contextlib.contextmanager
def cleaned_up() -> Iterator[str]:
    """A folder for the files of programs that the block starts; it and they are gone afterwards, even if this process
    is killed."""
    # Ray puts sockets there, whose paths must be short.
    folder = tempfile.mkdtemp(prefix="xstilts-", dir="/tmp" if os.path.isdir("/tmp") else None)
    os.environ[MARK] = folder
    command = [sys.executable, "-S", "-E", __file__, folder]
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    waiting = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
    try:
        yield folder
    finally:
        del os.environ[MARK]
        assert waiting.stdin is not None
        waiting.stdin.close()
        waiting.wait(timeout=60)


def marked(mark: str, name: str = MARK) -> list[int]:
    """Ids of the processes, this one left out, in whose environment the variable `name` is `mark`."""
    wanted = f"{name}={mark}".encode()
    found = []
    for process in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if process.isdigit() and int(process) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(int(process))
    return found


def clean(folder: str, name: str = MARK, patience: float = PATIENCE) -> None:
    """End the processes that are marked with `folder` (by the variable `name`), and remove it."""
    until = time.monotonic() + patience
    while marked(folder, name) and time.monotonic() < until:
        time.sleep(0.2)
    while left := marked(folder, name):  # what is killed may have started others meanwhile
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # meant for the parent
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    clean(sys.argv[1])
