"""`xstilts launch aws | gcp | hosts FILE`: configurations for `ray up`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote

from cluster.needs import CannotRun
from cluster.ray_up.configuration import configuration, run_command, stop_command
from cluster.ray_up.description import Aws, Gcp, Hosts
from sweeps.cli.console import File, Override, console, wrong
from sweeps.cli.launch_common import (
    ClusterFile,
    CpusPerNode,
    DryRun,
    Force,
    GpusPerNode,
    Image,
    Nodes,
    Settings,
    To,
    delivered,
    described,
    note_gpus,
    prepared,
)


def _in_cloud(model: type[Aws] | type[Gcp], kind: str, does: str) -> Callable[..., None]:
    """The command of a cloud: all have the same options."""

    def command(
        file: File,
        override: Override = None,
        image: Image = None,
        nodes: Nodes = None,
        cpus: CpusPerNode = None,
        gpus: GpusPerNode = None,
        settings: Settings = None,
        cluster: ClusterFile = None,
        to: To = Path("launch"),
        dry_run: DryRun = False,
        force: Force = False,
    ) -> None:
        options = {"image": image, "nodes": nodes, "cpus": cpus, "gpus": gpus}
        _write(file, override, described(model, kind, cluster, options, settings), to, dry_run, force)

    command.__name__, command.__doc__ = kind, does
    return command


aws = _in_cloud(Aws, "aws", "Write what `ray up` wants for EC2: the cluster, and the policies of its two roles.")
gcp = _in_cloud(Gcp, "gcp", "Write what `ray up` wants for Compute Engine.")


def hosts(
    file: File,
    override: Override = None,
    settings: Settings = None,
    cluster: ClusterFile = None,
    to: To = Path("launch"),
    dry_run: DryRun = False,
    force: Force = False,
) -> None:
    """Write what `ray up` wants for machines that are there, reached by ssh."""
    _write(file, override, described(Hosts, "hosts", cluster, {}, settings), to, dry_run, force)


def _write(
    file: Path, override: list[str] | None, description: Aws | Gcp | Hosts, to: Path, dry: bool, force: bool
) -> None:
    needs = prepared(file, override)
    try:
        files = configuration(needs, description)
    except CannotRun as error:
        wrong([f"{file}: {error}"])
    written = delivered(files, to, dry, force)
    if not isinstance(description, Hosts):  # whose GPUs Ray finds
        note_gpus([needs], description)
    if not written:
        return
    path = written[0]
    # On machines that are there Ray's newer autoscaler starts no workers (2.60).
    up = "RAY_UP_enable_autoscaler_v2=0 ray up" if isinstance(description, Hosts) else "ray up"
    for what, command in (
        ("start", f"ray get-auth-token --generate > /dev/null && {up} -y {quote(str(path))}"),
        ("reach", f"ray dashboard {quote(str(path))}"),
        ("run", run_command(needs, description)),
        ("stop", f"ray exec {quote(str(path))} {quote(stop_command(description))}; ray down -y {quote(str(path))}"),
    ):
        console.print(f"{what:<13}{command}", highlight=False, soft_wrap=True)
