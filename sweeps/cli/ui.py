"""`xstilts ui`: MLflow's pages on the runs of a sweep; nothing of its server is left when the command has ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import Annotated

import typer

from cluster.local import janitor
from sweeps.cli.console import INTERRUPTED, File, Override, console, spec_of, wrong
from sweeps.spec.places import check_tracking_writable
from trainables.outside.text import Unreadable

HOST = "127.0.0.1"
SETTINGS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""Of the server: its workers for jobs of its own take 240 MB each, and nothing of a sweep needs one."""


def ui(
    file: File,
    override: Override = None,
    port: Annotated[int, typer.Option(help="Port on this machine, 1 to 65535.")] = 5000,
) -> None:
    """Open the MLflow UI on the runs of a sweep (Ctrl-C ends it)."""
    if not 1 <= port <= 65535:
        wrong([f"--port {port}: a port is a number from 1 to 65535"])
    uri = spec_of(file, override, data_here=False).tracking_uri
    if not uri.startswith("http"):
        try:
            check_tracking_writable(uri)
        except Unreadable as error:
            wrong([f"{file}: {error}"])
        _require_free(port)
    from sweeps.tracking.page import runs_page

    if uri.startswith("http"):
        console.print(f"the runs are on {runs_page(uri, uri)}", highlight=False, soft_wrap=True)
        return
    console.print(f"{runs_page(uri, f'http://{HOST}:{port}')} shows {uri}", highlight=False, soft_wrap=True)
    raise typer.Exit(_serve(uri, port))


def _require_free(port: int) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    except OSError as error:
        wrong([f"--port {port}: cannot be used ({error.strerror}); give another"])


def _serve(uri: str, port: int) -> int:
    """MLflow's server until it ends, or this process is asked to; the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", HOST, "--port", str(port)]
    with janitor.cleaned_up():  # the server starts others, which a signal to it would leave behind
        server = subprocess.Popen(command, env={**os.environ, **SETTINGS})
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return INTERRUPTED
