"""Start Ray's worker processes from one that has imported the heavy modules already.

Ray starts five or six Python processes for every training step, and the one that trains imports torch, transformers and
datasets anew: on a small machine ten seconds of a step of twenty. Here one process imports them once, and every worker
is a fork of it, which takes milliseconds and shares the memory. Only for Ray on this machine: on a cluster, where a
step takes an hour, nothing is worth this.

    connected()  ->  python fork_server.py serve SOCKET MODULES     imports, then waits (never touches a GPU)
    raylet       ->  python fork_server.py start SOCKET WORKER...   hands its arguments, environment and standard
                                                                   streams to the server, and waits

The starter lives as long as the worker: when Ray kills it, the server kills the worker; when the worker ends, the
starter ends with its exit code. The server ends with the driver. This file is run as a script, by an interpreter that
imports nothing else, so it uses the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import time

HEADER = struct.Struct("!I")
PATIENCE = 120.0
"""Seconds that a starter waits for the server to have imported everything."""


def serve(path: str, modules: list[str]) -> None:
    """Import `modules`, then fork a worker for each starter that connects to the socket at `path`."""
    import gc
    import importlib
    import selectors
    import signal

    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    selector = selectors.DefaultSelector()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)  # whoever sees the socket may connect
    wake_in, wake_out = os.pipe()
    for end in (wake_in, wake_out):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_out)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake_in, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    workers: dict[socket.socket, int] = {}
    while True:
        for key, _ in selector.select():
            source = key.fileobj
            if source is listener:
                starter, _ = listener.accept()
                pid = _fork(starter, [listener, *workers], (wake_in, wake_out))
                workers[starter] = pid
                selector.register(starter, selectors.EVENT_READ)
            elif source == wake_in:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_in, 4096)
            elif isinstance(source, socket.socket):  # the starter is gone
                with contextlib.suppress(ProcessLookupError, KeyError):
                    os.kill(workers[source], signal.SIGKILL)
                selector.unregister(source)
            else:  # the driver is gone
                for pid in workers.values():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                return
        _reap(workers, selector)


def _reap(workers: dict[socket.socket, int], selector: object) -> None:
    """Tell the starters of ended workers their exit codes."""
    for starter, pid in list(workers.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del workers[starter]
            with contextlib.suppress(OSError):
                starter.sendall(HEADER.pack(os.waitstatus_to_exitcode(status) & 0xFF))
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(starter)  # type: ignore[attr-defined]
            starter.close()


def _fork(starter: socket.socket, sockets: list[socket.socket], pipes: tuple[int, ...]) -> int:
    """Fork a worker as a starter asks for it; its process id."""
    head, streams, _, _ = socket.recv_fds(starter, HEADER.size, 3)
    wanted = json.loads(_receive(starter, HEADER.unpack(head)[0]))
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        return pid
    try:
        import runpy
        import signal

        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for one in (starter, *sockets):
            one.close()
        for end in pipes:
            os.close(end)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["folder"])
        os.setpgid(0, 0)
        sys.argv = wanted["arguments"]
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the starter left in the middle of its message")
        data += part
    return data


def start(path: str, arguments: list[str]) -> int:
    """Have the server fork a worker with `arguments`, wait for its end, and give its exit code."""
    connection = socket.socket(socket.AF_UNIX)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.connect(path)
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
    wanted = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
    message = json.dumps(wanted).encode()
    socket.send_fds(connection, [HEADER.pack(len(message))], [0, 1, 2])
    connection.sendall(message)
    try:
        return int(HEADER.unpack(_receive(connection, HEADER.size))[0])
    except ConnectionError:  # the server is gone, and its workers with it
        return 1


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(start(sys.argv[2], sys.argv[3:]))
