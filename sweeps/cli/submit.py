"""`xstilts submit` and `xstilts job`: a sweep whose driver runs on a cluster, whatever becomes of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.cli.console import FAILED, INTERRUPTED, File, Json, Override, complain, console, write_json, wrong
from sweeps.cli.needs import secrets_of
from sweeps.cli.nodes import MayGrowTo, shapes_of
from sweeps.cli.shipment import pack
from sweeps.spec.fields import SweepSpec
from sweeps.spec.model import MINI
from sweeps.spec.places import check_shared
from sweeps.spec.reading import WrongSpec, read_fields, read_spec
from trainables.outside.text import escaped

if TYPE_CHECKING:
    from cluster.jobs import Job, Jobs

Address = Annotated[
    str,
    typer.Option(
        envvar="RAY_API_SERVER_ADDRESS", help="Of the cluster's dashboard: http://HOST:8265.", show_default=False
    ),
]
Sweep = Annotated[str, typer.Argument(metavar="SWEEP", help="The field `sweep` of its file.", show_default=False)]

app = typer.Typer(help="Sweeps that were submitted to a cluster.", no_args_is_help=True)


def submit(
    file: File,
    address: Address,
    override: Override = None,
    nodes: MayGrowTo = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow the log.")] = False,
) -> None:
    """Have a cluster carry out a sweep: send it the code and the sweep file, start the driver there, follow its log.

    The sweep goes on without this command (Ctrl-C leaves it to itself); `xstilts job log | status | stop SWEEP`.
    """
    shapes_of(nodes or [])  # that they are such
    try:
        fields = read_fields(file, override)
        spec = read_spec(file, override, data_here=False, checked=False)
        if not (away := _models_elsewhere(spec)):
            spec = read_spec(file, override, data_here=False)
    except WrongSpec as error:
        wrong(error.lines)
    if problems := check_shared(spec):
        wrong([f"{file}: {line}" for line in problems])
    for line in away:
        console.print(line, highlight=False, soft_wrap=True)
    jobs = _jobs(address)
    running = _of_cluster(lambda: jobs.of(spec.sweep))
    if running is not None and not running.over:
        wrong([f"{spec.sweep}: the job {running.id} carries it out already; {_ways(spec.sweep, jobs.address)}"])
    if kept := [name for name in secrets_of(spec) if os.environ.get(name)]:
        said = f"not sent: {', '.join(kept)}; the environment in which Ray was started on the nodes has to have them"
        console.print(said, highlight=False, soft_wrap=True)
    with TemporaryDirectory() as folder:
        sent = pack(file, fields, spec, Path(folder), nodes or ())
        job = _of_cluster(
            lambda: jobs.submit(spec.sweep, sent.command, Path(folder), sent.modules, sent.excludes, sent.env)
        )
    console.print(f"submitted as {job}", highlight=False, soft_wrap=True)
    if detach:
        console.print(_ways(spec.sweep, jobs.address), highlight=False, soft_wrap=True)
        return
    _follow(jobs, spec.sweep, job)


@app.command("log")
def log(
    sweep: Sweep,
    address: Address,
    follow: Annotated[bool, typer.Option(help="Go on until the job ends; Ctrl-C leaves it to itself.")] = True,
) -> None:
    """Show what the driver of a sweep has printed, and follow it. The exit code is the driver's."""
    jobs = _jobs(address)
    job = _job(jobs, sweep)
    if follow:
        _follow(jobs, sweep, job.id)
        return
    _write(_of_cluster(lambda: jobs.log(job.id)))


@app.command("status")
def status(
    address: Address,
    sweep: Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="Of this sweep alone.")] = None,
    as_json: Json = False,
) -> None:
    """List the jobs of a cluster that carry out sweeps, or did. What of a sweep is done says `xstilts status FILE`."""
    jobs = _jobs(address)
    found = [job for job in _of_cluster(jobs.all) if sweep in (None, job.sweep)]
    if as_json:
        write_json([{"sweep": job.sweep, "job": job.id, "state": job.state} for job in found])
        return
    for job in found:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.began))
        line = f"{job.state:10} {began}  {job.sweep}  {job.id}"
        console.print(line, highlight=False, soft_wrap=True)
    if not found:
        console.print("no such job" if sweep else "no jobs", highlight=False)


@app.command("stop")
def stop(sweep: Sweep, address: Address) -> None:
    """Stop a sweep: its running steps save their states and leave. Submitted again, it goes on from there."""
    jobs = _jobs(address)
    job = _job(jobs, sweep)
    if job.over:
        console.print(f"{sweep}: its job is over ({job.state})", highlight=False, soft_wrap=True)
        return
    _of_cluster(lambda: jobs.stop(job.id))
    console.print("stopping: running steps save their state", highlight=False)
    try:
        while not (now := _of_cluster(lambda: jobs.state(job.id))).over:
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("it goes on stopping", highlight=False)
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"{sweep}: {now.state}; submitted again, it goes on from here", highlight=False)


def _models_elsewhere(spec: SweepSpec) -> list[str]:
    """A line for each local model that is not on this machine."""
    return [
        f"models.{name}.start: {one.start} is not here; the nodes have to see it, and the driver there checks the rest"
        for name, one in spec.models.items()
        if one.start != MINI and one.path is not None and not one.path.is_dir()
    ]


def _jobs(address: str) -> Jobs:
    from cluster.jobs import Jobs

    return _of_cluster(lambda: Jobs(address))


def _job(jobs: Jobs, sweep: str) -> Job:
    found = _of_cluster(lambda: jobs.of(sweep))
    if found is None:
        wrong([f"{sweep}: no job of {jobs.address} carries out a sweep of this name; xstilts job status lists them"])
    return found


def _of_cluster(asked: Callable[[], Any]) -> Any:
    """The answer of the cluster; ends the program where there is none."""
    from cluster.reach import Unreachable

    try:
        return asked()
    except Unreachable as error:
        return wrong([f"--address: {error}"])


def _follow(jobs: Jobs, sweep: str, job: str) -> None:
    """Show a job's log to its end, and end as it did."""
    try:
        state = _of_cluster(lambda: jobs.follow(job, _write))
    except KeyboardInterrupt:
        console.print(f"\nleft; the sweep goes on. {_ways(sweep, jobs.address)}", highlight=False, soft_wrap=True)
        return
    if state.state == "stopped":
        console.print("stopped; submitted again, it goes on from here", highlight=False)
        raise typer.Exit(INTERRUPTED)
    if state.state == "failed":
        if state.exit_code is None:
            complain([f"{sweep}: {state.message}"])
        raise typer.Exit(state.exit_code or FAILED)


def _ways(sweep: str, address: str) -> str:
    return (
        f"xstilts job log {sweep} --address {address} shows it, xstilts job stop {sweep} --address {address} stops it"
    )


def _write(text: str) -> None:
    typer.echo(escaped(text, keep="\n\t"), nl=False)
