"""Clean up after a Ray of this machine's own, however the process that started it ended.

Ray's daemons end with the process that started them, but not all and not at once: when that is killed, two of Ray's
agents stay for minutes and report to a server that is gone, and the folder of the session stays for good. This process
does nothing until its standard input closes, which happens when its parent ends, in whatever way. Then it kills what is
left of that Ray, which it knows by the folder's name in the environment, and removes the folder.

    python janitor.py FOLDER

It is run as a script by an interpreter that imports nothing else, so it uses the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

MARK = "XSTILTS_RAY"
"""Environment variable of all processes of a Ray of this machine's own: the folder of its files."""
PATIENCE = 3.0
"""Seconds in which processes may end by themselves."""


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


def clean(folder: str) -> None:
    """End the processes that are marked with `folder`, and remove it."""
    until = time.monotonic() + PATIENCE
    while marked(folder) and time.monotonic() < until:
        time.sleep(0.2)
    while left := marked(folder):  # what is killed may have started others meanwhile
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
    clean(*sys.argv[1:])
