"""What the processes of a step print (their own words, DeepSpeed's, torch's, a library's warnings), in files:

    STORE/logs/<step id>/<rank>.log      one file for each worker, attempts one after another

Where the store is remote the files are in the cache of the machine that the worker ran on, because no object store can
append to a file.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from trainables.store.core import Store
from trainables.store.process import Process

LOGS = "logs"


def logs_of(store: Store) -> Path:
    """Where the logs of all steps are: here, or on each machine that carries out steps of a remote store."""
    return store.folder_beside(LOGS)


@contextmanager
def logged(store: Store, step: str, rank: int) -> Iterator[None]:
    """Have all that this process and its children print during the block appended to the worker's file, the traceback
    of what ends the block included. Where the file cannot be written, what is printed goes where it went before."""
    path = logs_of(store) / step / f"{rank}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:
        yield
        return
    with file:
        print(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {Process.this()}", file=file, flush=True)
        with _redirected(file.fileno()):
            try:
                yield
            except BaseException:
                traceback.print_exc()
                raise


@contextmanager
def _redirected(target: int) -> Iterator[None]:
    """Both outputs of this process, by their numbers: what is not written in Python goes there, too."""
    before = [os.dup(number) for number in (1, 2)]
    _flush()
    for number in (1, 2):
        os.dup2(target, number)
    try:
        yield
    finally:
        _flush()
        for number, old in zip((1, 2), before, strict=True):
            os.dup2(old, number)
            os.close(old)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a full disk, a stream that was closed
            stream.flush()
