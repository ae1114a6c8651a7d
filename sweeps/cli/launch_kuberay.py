"""`xstilts launch kuberay FILE`: manifests for Kubernetes."""

from __future__ import annotations

from pathlib import Path

from cluster.kuberay.description import KubeRay
from cluster.kuberay.manifests import manifests
from cluster.needs import CannotRun
from sweeps.cli.console import File, Override, console, wrong
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
    Settings,
    To,
    delivered,
    described,
    note_gpus,
    prepared,
)


def kuberay(
    file: File,
    override: Override = None,
    image: Image = None,
    nodes: Nodes = None,
    cpus: CpusPerNode = None,
    gpus: GpusPerNode = None,
    memory: Memory = None,
    environment: Environment = None,
    settings: Settings = None,
    cluster: ClusterFile = None,
    to: To = Path("launch"),
    dry_run: DryRun = False,
    force: Force = False,
) -> None:
    """Write manifests for KubeRay: the sweep as a job whose cluster grows with its steps and ends with it."""
    options = {"image": image, "nodes": nodes, "cpus": cpus, "gpus": gpus, "memory": memory, "environment": environment}
    description = described(KubeRay, "kuberay", cluster, options, settings)
    needs = prepared(file, override)
    try:
        text = manifests(needs, description)
    except (CannotRun, UnicodeDecodeError) as error:
        wrong([f"{file}: {error}"])
    written = delivered({f"{needs.sweep}.yaml": text}, to, dry_run, force)
    note_gpus([needs], description)
    for path in written:
        console.print(f"start        kubectl create -f {path}", highlight=False, soft_wrap=True)
        console.print(f"stop         kubectl delete -f {path}", highlight=False, soft_wrap=True)
