"""`xstilts launch KIND FILE`: what starts a cluster of one kind, carries out a sweep on it, and ends it."""

from __future__ import annotations

import typer

from sweeps.cli.launch_kuberay import kuberay
from sweeps.cli.launch_ray_up import aws, gcp, hosts
from sweeps.cli.launch_slurm import slurm

app = typer.Typer(help="Clusters of every kind: what starts one, and carries out a sweep on it.", no_args_is_help=True)
for kind in (slurm, kuberay, aws, gcp, hosts):
    app.command()(kind)
