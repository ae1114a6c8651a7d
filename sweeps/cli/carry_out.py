"""Carrying out a sweep, whole or in rounds, and what is shown at its end."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.console import FAILED, INTERRUPTED, complain, console, load_sweep, must_be_writable, wrong
from sweeps.cli.nodes import shapes_of
from sweeps.cli.status import free
from sweeps.cli.track import say
from sweeps.state.sweep import Sweep
from trainables.outside.text import shown

ADDRESS = re.compile(r"auto|([\w.-]+|\[[0-9a-fA-F:]+\]):([1-9]\d{0,4})")
"""Of a Ray cluster."""
Address = Annotated[
    str | None, typer.Option(help="Ray cluster to run on (auto, host:port); without it, Ray on this machine.")
]
RayCpus = Annotated[int | None, typer.Option(help="CPUs of this machine's Ray; by default all.", min=1)]
Preflight = Annotated[bool, typer.Option(help="Look at every node of the cluster before anything starts.")]
Rounds = Callable[[Sweep], Iterable[Collection[str] | None]]
"""The steps that are carried out, then those that are next, and so on; None: all of the plan."""


@dataclass(frozen=True)
class Cluster:
    """Where a sweep is carried out, as the command line says it."""

    address: str | None
    cpus: int | None
    nodes: list[str]
    preflight: bool


def _at_once(sweep: Sweep) -> Iterable[Collection[str] | None]:
    return (None,)


def carry_out(file: Path, override: list[str] | None, on: Cluster, rounds: Rounds = _at_once) -> None:
    """Carry out what is not done yet, show the results, and end the program where it did not come to its end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the steps run, there is nothing to save
    if on.address is not None and on.cpus is not None:
        wrong(["--cpus: the cluster at --address has its own CPUs; leave one of the two out"])
    if on.address is not None and not ADDRESS.fullmatch(on.address):
        wrong([f"--address {shown(on.address)}: no address of a Ray cluster; give auto or HOST:PORT"])
    if on.nodes and on.address is None:
        wrong(["--nodes: says what a cluster may grow to; give also --address"])
    grown = shapes_of(on.nodes)
    sweep = load_sweep(file, override)
    _, plan, store = sweep
    from cluster.connect import NotStarted
    from cluster.reach import Unreachable, check_reachable
    from sweeps.cli.finalize import show_results
    from sweeps.cli.live import TerminalDisplay
    from sweeps.runtime.run import NotReady, RayFailed, run_plan
    from sweeps.state.selection import champions
    from sweeps.tracking import Tracker

    if on.address is not None:
        try:
            check_reachable(on.address)
        except Unreachable as error:
            wrong([f"--address: {error}"])
    must_be_writable(file, sweep.spec, store)
    with Tracker(sweep, say) as tracker:
        schedule = None
        try:
            for steps in rounds(sweep):
                look = on.preflight and schedule is None
                schedule = run_plan(sweep, tracker, TerminalDisplay(console), on.address, on.cpus, look, grown, steps)
                if schedule.failed or schedule.draining:
                    break
            if schedule is None:
                tracker.open()
        except Unreachable as error:
            tracker.close("FAILED")
            wrong([f"--address: {error}"])
        except NotStarted as error:
            tracker.close("FAILED")
            wrong([str(error)])
        except NotReady as error:
            tracker.close("FAILED")
            wrong([f"{file}: {line}" for line in error.lines])
        except RayFailed as error:
            tracker.close("FAILED")
            complain([f"{error}; the same command goes on from what the store has"])
            os._exit(FAILED)  # Ray's threads would wait for what does not answer
        except KeyboardInterrupt:
            tracker.close("KILLED", patience=2.0)
            console.print("left at once; the same command goes on from what the store has")
            os._exit(INTERRUPTED)  # Ray's threads would wait for the workers that were just left
        show_results(sweep, file, tracker)
        free(sweep)
        tracker.champions(champions(plan, store))
        if schedule is not None and schedule.failed:
            names = ", ".join(plan.steps[name].name for name in sorted(schedule.failed))
            tracker.close("FAILED")
            many = f"{len(schedule.failed)} steps failed ({names})"
            complain([f"{many}, {len(schedule.blocked)} were blocked by them"])
            raise typer.Exit(FAILED)
        if schedule is not None and schedule.draining:
            tracker.close("KILLED")
            console.print("stopped; the same command goes on from here")
            raise typer.Exit(INTERRUPTED)
        tracker.close("FINISHED")
