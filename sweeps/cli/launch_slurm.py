"""`xstilts launch slurm`: a batch script for a sweep, or for an array of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cluster.needs import CannotRun
from cluster.slurm.description import SlurmCluster
from cluster.slurm.script import job_name, script
from cluster.slurm.submit import Refused, submit
from sweeps.cli.console import Override, console, wrong
from sweeps.cli.launch_common import (
    ClusterFile,
    CpusPerNode,
    DryRun,
    Environment,
    Force,
    GpusPerNode,
    Image,
    Memory,
    Nodes,
    To,
    delivered,
    described,
    note_gpus,
    prepared,
)


def slurm(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Sweep files; several become an array of jobs.")
    ],
    override: Override = None,
    cluster: ClusterFile = None,
    nodes: Nodes = None,
    cpus: CpusPerNode = None,
    gpus: GpusPerNode = None,
    memory: Memory = None,
    gres: Annotated[str | None, typer.Option(help="In place of --gpus: gpu:a100:4.", show_default=False)] = None,
    partition: Annotated[str | None, typer.Option(show_default=False)] = None,
    account: Annotated[str | None, typer.Option(show_default=False)] = None,
    qos: Annotated[str | None, typer.Option(show_default=False)] = None,
    constraint: Annotated[str | None, typer.Option(help="Features of the nodes.", show_default=False)] = None,
    time: Annotated[str | None, typer.Option(help="Limit: 2-00:00:00.", show_default=False)] = None,
    mail: Annotated[str | None, typer.Option(help="Address to write to at its end.", show_default=False)] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option("--sbatch-option", metavar="KEY[=VALUE]", help="Further option of sbatch.", show_default=False),
    ] = None,
    image: Image = None,
    runtime: Annotated[str | None, typer.Option(help="Of --image: pyxis or apptainer.", show_default=False)] = None,
    mount: Annotated[list[str] | None, typer.Option(help="Folder that containers see.", show_default=False)] = None,
    setup: Annotated[
        list[str] | None, typer.Option(help="Line of shell before all: 'module load cuda'.", show_default=False)
    ] = None,
    scratch: Annotated[
        str | None, typer.Option(help="Folder on each node's own disk; $TMPDIR or /tmp.", show_default=False)
    ] = None,
    notice: Annotated[
        int | None, typer.Option(help="Seconds before the time limit at which steps save; 120.", show_default=False)
    ] = None,
    requeue: Annotated[
        bool | None,
        typer.Option("--requeue/--no-requeue", help="Start again where it was cut off.", show_default=False),
    ] = None,
    environment: Environment = None,
    to: To = Path("launch"),
    dry_run: DryRun = False,
    submit_it: Annotated[bool, typer.Option("--submit", help="Hand the script to sbatch.")] = False,
    force: Force = False,
) -> None:
    """Write a batch script for Slurm: Ray on the nodes of the job, the sweep on it, requeue and the end of it all."""
    if dry_run and submit_it:
        wrong(["--dry-run: nothing is submitted with it; leave --submit out"])
    options: dict[str, Any] = {
        **{"nodes": nodes, "cpus": cpus, "gpus": gpus, "memory": memory, "gres": gres, "partition": partition},
        **{"account": account, "qos": qos, "constraint": constraint, "time": time, "mail": mail, "sbatch": sbatch},
        **{"image": image, "runtime": runtime, "mounts": mount, "setup": setup, "scratch": scratch},
        **{"notice": notice, "requeue": requeue, "environment": environment},
    }
    description = described(SlurmCluster, "slurm", cluster, options)
    sweeps = [prepared(file, override) for file in files]
    try:
        text = script(sweeps, description, to.absolute(), Path.cwd())
    except CannotRun as error:
        wrong([str(error)])
    paths = delivered({f"{job_name(sweeps)}.sh": text}, to, dry_run, force)
    job = None
    if submit_it:
        try:
            job = submit(paths[0])
        except Refused as error:
            wrong([str(error)])
    if description.gres is None:
        note_gpus(sweeps, description)
    if job is not None:
        output = to.absolute() / f"{job_name(sweeps)}-{job}.out"
        console.print(f"job {job}      its output: {output}", highlight=False, soft_wrap=True)
        console.print(f"stop it      scancel {job}", highlight=False)
    elif not dry_run:
        console.print(f"submit it    sbatch {paths[0]}", highlight=False, soft_wrap=True)
