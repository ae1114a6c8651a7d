"""Manifests for Kubernetes: a RayJob that carries out a sweep on a cluster of its own, or a RayCluster to submit to.

Nothing secret stands in them. The operator (KubeRay 1.5.1 or later) makes the cluster's token and keeps it in a Secret;
whatever else is secret the pods take from a Secret that is there.

Fields: the published reference of ray.io/v1, https://docs.ray.io/en/latest/cluster/kubernetes/references/api.html.
"""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from cluster.kuberay.description import KubeRay
from cluster.kuberay.pods import GPU, SWEEP, Manifest, head, workers
from cluster.needs import CannotRun, Needs

LARGEST = 900_000
"""Bytes of the files that travel; Kubernetes takes 1 MiB in one ConfigMap."""
LONGEST_NAME = 40
"""Characters of a cluster's name: KubeRay takes 47 of a job's."""
IDLE = 300
"""Seconds without work after which a worker pod ends. The next step of a sweep is seldom further away."""


def manifests(needs: Needs, cluster: KubeRay) -> str:
    """The manifests as one YAML text, for `kubectl apply -f`.

    Raises CannotRun where pods would not see what the sweep reads or writes.
    """
    name = _object_name(needs.sweep)
    labels = {"app.kubernetes.io/name": "xstilts", "app.kubernetes.io/instance": name}
    travelling = _travelling(needs, cluster)
    files = None
    objects: list[Manifest] = []
    if travelling and not cluster.keep:
        keys = {f"file-{i}": path for i, path in enumerate(travelling)}
        data = {key: path.read_text(encoding="utf-8") for key, path in keys.items()}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
        inside = {key: str(path.relative_to(_folder(needs))) for key, path in keys.items()}
        files = {"name": name, "items": [{"key": key, "path": path} for key, path in inside.items()]}
    objects.append(_network_policy(name, labels))
    spec = _cluster(needs, cluster, labels, files)
    if cluster.keep:
        objects.append({"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": name}, "spec": spec})
    else:
        objects.append(
            {
                "apiVersion": "ray.io/v1",
                "kind": "RayJob",
                "metadata": {"name": name},
                "spec": _job(needs, travelling, spec),
            }
        )
    for one in objects:
        one["metadata"]["labels"] = dict(labels)
        if cluster.namespace is not None:
            one["metadata"]["namespace"] = cluster.namespace
    if cluster.queue is not None:
        objects[-1]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = cluster.queue
    return yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120)


class _Readable(yaml.SafeDumper):
    """Writes each object where it belongs, without references, and texts of several lines as they are."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def _cluster(needs: Needs, cluster: KubeRay, labels: dict[str, str], files: Manifest | None) -> Manifest:
    secrets = sorted({*needs.secrets, *cluster.environment}) if cluster.secret is not None else []
    spec: Manifest = {
        "rayVersion": version("ray"),
        "authOptions": {"mode": "token"},
        "headGroupSpec": head(cluster, labels, files, secrets),
        "workerGroupSpecs": workers(needs, cluster, labels, files, secrets),
    }
    if cluster.queue is None:
        spec["enableInTreeAutoscaling"] = True
        spec["autoscalerOptions"] = {"version": "v2", "idleTimeoutSeconds": IDLE}
    if cluster.redis is not None:
        spec["gcsFaultToleranceOptions"] = {"redisAddress": cluster.redis}
        if cluster.redis_secret is not None:
            password = {"valueFrom": {"secretKeyRef": {"name": cluster.redis_secret, "key": "password"}}}
            spec["gcsFaultToleranceOptions"]["redisPassword"] = password
    return spec


def _job(needs: Needs, travelling: list[Path], spec: Manifest) -> Manifest:
    file, *overrides = needs.arguments
    if Path(file) in travelling:
        file = f"{SWEEP}/{Path(file).name}"
    command = ["xstilts", "run", file, *overrides, "--address", "auto"]
    for group in spec["workerGroupSpecs"]:
        command += ["--nodes", _shape(group)]
    return {
        "entrypoint": shlex.join(command),
        # In the head's pod: no other one needs the token, or a way in.
        "submissionMode": "SidecarMode",
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 600,
        # A driver that is lost with its node starts again on a new cluster, and goes on from the store.
        "backoffLimit": 3,
        "rayClusterSpec": spec,
    }


def _shape(group: Manifest) -> str:
    """What the pods of a group come to, as `xstilts run --nodes` takes it."""
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    gpus = f"x{limits[GPU]}" if GPU in limits else ""
    return f"{group['maxReplicas']}x{limits['cpu']}{gpus}"


def _network_policy(name: str, labels: dict[str, str]) -> Manifest:
    """Nobody but the cluster's own pods and the operator reaches Ray's ports and its dashboard."""
    operator = {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": dict(labels)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": dict(labels)}}]},
                {"from": [{"namespaceSelector": {}, "podSelector": operator}]},
            ],
        },
    }


def _folder(needs: Needs) -> Path:
    """Of the sweep file."""
    return Path(needs.arguments[0]).parent


def _travelling(needs: Needs, cluster: KubeRay) -> list[Path]:
    """Files that come with the manifests: the sweep file and the task files beside it.

    Raises CannotRun for whatever else is on this machine only.
    """
    mounted = [Path(volume.partition(":")[2]) for volume in cluster.volumes]
    found = []
    for path in map(Path, needs.paths):
        if any(path.is_relative_to(folder) for folder in mounted):
            continue
        files = [path] if path.is_file() else sorted(path.glob("*.y*ml")) if path.is_dir() else []
        beside = path.is_relative_to(_folder(needs)) and bool(files)
        if not beside or any(file.suffix not in (".yaml", ".yml") for file in files):
            raise CannotRun(
                f"{path}: no pod would see it: give --set volumes=[CLAIM:/PATH], a claim that holds it and where it is "
                "mounted, or an address (s3://..., hub, http://...) in the sweep file"
            )
        found += files
    size = sum(file.stat().st_size for file in found)
    if size > LARGEST:
        raise CannotRun(
            f"{_folder(needs)}: the sweep's files have {size:,} bytes, {LARGEST:,} can travel: put them on a volume"
        )
    return found


def _object_name(sweep: str) -> str:
    """The name of the sweep as Kubernetes takes it."""
    name = re.sub(r"[^a-z0-9]+", "-", sweep.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return name if name[:1].isalpha() else f"sweep-{name}".strip("-")
