"""`xstilts environment`: how the software of this machine, or of each node of a cluster, differs from the lock file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.console import FAILED, console, wrong

SHOWN = 20
"""Differing packages that are named, of each node."""


def environment(
    lock: Annotated[
        Path, typer.Argument(help="The lock file: constraints.txt; in the image /opt/xstilts/constraints.txt.")
    ],
    address: Annotated[
        str | None, typer.Option(help="Look at every node of this Ray cluster (auto, host:port); without it, here.")
    ] = None,
) -> None:
    """Say how installed packages differ from the lock file. Exit code 1 where they do."""
    from cluster.inspect import inspect_cluster, inspect_node
    from cluster.lock import NoLock, departures, read_lock

    try:
        pins = read_lock(lock)
    except NoLock as error:
        wrong([str(error)])
    silent: list[str] = []
    if address is None:
        nodes = [inspect_node((), (), _nothing, _nothing, gpus=False)]
    else:
        from cluster.connect import connected
        from cluster.reach import Unreachable

        try:
            with connected(address):
                nodes, silent = inspect_cluster((), (), _nothing, _nothing)
        except Unreachable as error:
            wrong([f"--address: {error}"])
    differ = bool(silent)
    for line in silent:
        console.print(line, highlight=False, soft_wrap=True)
    for node in nodes:
        found = departures(node.packages, pins)
        differ = differ or bool(found)
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        said = "; ".join(found[:SHOWN]) + more if found else "as the lock file"
        console.print(f"{node.name}: Python {node.python}; {said}", highlight=False, soft_wrap=True)
    if differ:
        raise typer.Exit(FAILED)


def _nothing() -> None:
    """No storage is tried, and nobody asks for units of the CPU."""
