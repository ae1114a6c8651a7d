"""Two workers of one training without torchrun: forks of a process that has imported everything once, because on a
small machine the imports of four fresh processes take longer than what a test is about."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from trainables.__main__ import main
from trainables.store import Store

PATIENCE = 300
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["trainables.steps.preload", __name__])


def run_workers(arguments: list[str], count: int, log: Path, stop_at: str | None = None) -> list[int | None]:
    """`python -m trainables ARGUMENTS` as `count` workers; their exit codes. What they print is in `log`; when
    `stop_at` stands there, the first worker alone is asked to stop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workers = [
        _processes.Process(target=_worker, args=(arguments, rank, count, port, str(log))) for rank in range(count)
    ]
    for worker in workers:
        worker.start()
    until = time.monotonic() + PATIENCE
    while stop_at is not None and time.monotonic() < until:
        if log.exists() and stop_at in log.read_text():
            workers[0].terminate()
            break
        time.sleep(0.1)
    for worker in workers:
        worker.join(PATIENCE)
        worker.kill()
    return [worker.exitcode for worker in workers]


def by_two_workers(recipe: Any, store: Store, folder: Path, stage: int, *more: str) -> Store:
    """Carry out a recipe as two workers, in micro-batches, under a ZeRO stage; `more`: words of the command. What they
    are told and print is in `folder`."""
    file, log = folder / "recipe.json", folder / "log"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    fields = ("workers=2", f"zero_stage={stage}", "log_every=1", "micro_batch_tokens=300")
    words = [word for field in fields for word in ("-x", field)]
    assert run_workers([str(file), "--store", store.root, *words, *more], 2, log) == [0, 0], log.read_text()[-2000:]
    return store


def _worker(arguments: list[str], rank: int, count: int, port: int, log: str) -> None:
    where = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in where.items()})
    with open(log, "a") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["trainables", *arguments]
    try:
        code = main()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
