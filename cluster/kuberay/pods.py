"""The pods of a cluster: one template for the head, one for each group of workers."""

from __future__ import annotations

from typing import Any

from cluster.kuberay.description import KubeRay
from cluster.needs import SAFE, Needs

SWEEP = "/sweep"
"""Where pods find the sweep file and its task files."""
NOTICE = 60
"""Seconds that a pod has to go, of which Ray hears at once."""
GOING = (
    "ray drain-node --reason DRAIN_NODE_REASON_PREEMPTION --reason-message 'the pod is taken away' "
    f"--deadline-remaining-seconds {NOTICE - 10}; sleep {NOTICE - 10}"
)
"""Before a worker pod ends: its steps save their states and go on elsewhere."""
GPU = "nvidia.com/gpu"
HEAD_CPUS = 4
"""Of the head's pod, for the driver; Ray itself gets none to place steps on."""
CPU_NODE_CPUS, CPU_NODE_MEMORY = 8, "32Gi"
"""Of a worker pod without GPUs that stands beside those with."""

Manifest = dict[str, Any]


def head(cluster: KubeRay, labels: dict[str, str], files: Manifest | None, secrets: list[str]) -> Manifest:
    """The group of the head: Ray's own services, and the driver. No step runs there but what asks for a safe node."""
    template = _template(cluster, "head", HEAD_CPUS, _quantity(cluster.head_memory), 0, labels, files, secrets)
    if cluster.safe is not None:
        template["spec"]["nodeSelector"] = _selector(cluster.safe)
    # The autoscaler, in a container beside, talks to Kubernetes.
    template["spec"].pop("automountServiceAccountToken")
    return {"rayStartParams": {}, "resources": {"CPU": "0", SAFE: "1000"}, "template": template}


def workers(
    needs: Needs, cluster: KubeRay, labels: dict[str, str], files: Manifest | None, secrets: list[str]
) -> list[Manifest]:
    """The groups of workers: with GPUs where the sweep asks for them, and beside them, or alone, without."""
    gpus = needs.gpus_per_machine(cluster.nodes, cluster.gpus)
    cpus = cluster.cpus or needs.cpus_per_machine(cluster.nodes, gpus)
    groups = [("gpu", cluster.nodes, cpus, _quantity(cluster.memory), gpus)]
    if not gpus:
        groups = [("cpu", *groups[0][1:])]
    elif cluster.cpu_nodes:
        groups.append(("cpu", cluster.cpu_nodes, CPU_NODE_CPUS, CPU_NODE_MEMORY, 0))
    return [
        {
            "groupName": name,
            # Kueue admits a whole cluster, so that its size must stand; the autoscaler begins with none.
            "replicas": many if cluster.queue is not None else 0,
            "minReplicas": many if cluster.queue is not None else 0,
            "maxReplicas": many,
            "rayStartParams": {},
            "template": _worker(cluster, cpus, memory, gpus, labels, files, secrets),
        }
        for name, many, cpus, memory, gpus in groups
    ]


def _worker(
    cluster: KubeRay,
    cpus: int,
    memory: str,
    gpus: int,
    labels: dict[str, str],
    files: Manifest | None,
    secrets: list[str],
) -> Manifest:
    template = _template(cluster, "worker", cpus, memory, gpus, labels, files, secrets)
    spec = template["spec"]
    spec["terminationGracePeriodSeconds"] = NOTICE
    spec["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["bash", "-c", GOING]}}}
    tolerations = []
    if gpus:
        tolerations.append({"key": GPU, "operator": "Exists", "effect": "NoSchedule"})
    if cluster.spot is not None:
        spec["nodeSelector"] = _selector(cluster.spot)
        key, _, value = cluster.spot.partition("=")
        tolerations.append({"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"})
    if tolerations:
        spec["tolerations"] = tolerations
    return template


def _template(
    cluster: KubeRay,
    name: str,
    cpus: int,
    memory: str,
    gpus: int,
    labels: dict[str, str],
    files: Manifest | None,
    secrets: list[str],
) -> Manifest:
    held = {"cpu": str(cpus), "memory": memory, **({GPU: str(gpus)} if gpus else {})}
    mounts = [
        {"name": "shared-memory", "mountPath": "/dev/shm"},
        {"name": "scratch", "mountPath": "/tmp"},
        *({"name": claim, "mountPath": path} for claim, path in _claims(cluster)),
    ]
    volumes: list[Manifest] = [
        # Workers of one node exchange tensors there, and Ray its objects: it counts as memory of the pod.
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        {"name": "scratch", "emptyDir": {}},
        *({"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim, _ in _claims(cluster)),
    ]
    if files is not None:
        mounts.append({"name": "sweep", "mountPath": SWEEP})
        volumes.append({"name": "sweep", "configMap": files})
    container: Manifest = {
        "name": name,
        "image": cluster.image,
        "resources": {"requests": held, "limits": held},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "env": [
            {
                "name": variable,
                "valueFrom": {"secretKeyRef": {"name": cluster.secret, "key": variable, "optional": True}},
            }
            for variable in secrets
        ],
        "volumeMounts": mounts,
    }
    spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
        "containers": [container],
        "volumes": volumes,
    }
    if cluster.service_account is not None:
        spec["serviceAccountName"] = cluster.service_account
    return {"metadata": {"labels": dict(labels)}, "spec": spec}


def _claims(cluster: KubeRay) -> list[tuple[str, str]]:
    return [(claim, path) for claim, _, path in (volume.partition(":") for volume in cluster.volumes)]


def _selector(pair: str) -> dict[str, str]:
    key, _, value = pair.partition("=")
    return {key: value}


def _quantity(memory: str) -> str:
    """`64G`, in binary units, as Kubernetes writes it."""
    return f"{memory}i"
