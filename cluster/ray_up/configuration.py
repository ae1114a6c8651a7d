"""Configurations for `ray up`: the cluster's, and on AWS the rights that its machines want.

Nothing secret stands in them. The cluster's token and the file of secrets are copied from this machine to those of the
cluster, over ssh. Ray's dashboard listens on the head's loopback alone; `ray dashboard` brings it here, over ssh.

Fields: https://docs.ray.io/en/latest/cluster/vms/references/ray-cluster-configuration.html, and Ray's own schema.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cluster.needs import SAFE, CannotRun, Needs
from cluster.ray_up.description import Aws, Cloud, Gcp, Hosts
from cluster.ray_up.rights import policies

Config = dict[str, Any]

TOKEN = "~/.ray/auth_token"
"""Where Ray looks for the token; `ray get-auth-token --generate` makes it."""
SECRETS = "~/.xstilts-secrets"
PORT = 6379
DASHBOARD = "http://127.0.0.1:8265"
"""Where `ray dashboard` brings it."""
FILES = 65536
"""Files that a process may have open: Ray's own recipes ask for as many."""
IDLE_MINUTES = 5


def configuration(needs: Needs, cluster: Aws | Gcp | Hosts) -> dict[str, str]:
    """Files for `ray up`, by name: `cluster.yaml`, and on AWS the policies of its two roles.

    Raises CannotRun where machines would not see what the sweep reads or writes.
    """
    if isinstance(cluster, Cloud) and "://" not in needs.storage:
        raise CannotRun(
            f"storage: {needs.storage} is a folder, and machines come and go: give a bucket in the sweep file, "
            f"storage: {'s3' if isinstance(cluster, Aws) else 'gs'}://BUCKET/PATH"
        )
    config: Config = {"cluster_name": needs.sweep, **_shared(needs, cluster)}
    files = {}
    if isinstance(cluster, Hosts):
        config |= _hosts(cluster)
    else:
        config |= _cloud(needs, cluster)
        if isinstance(cluster, Aws):
            files = policies(needs.sweep, _bucket(needs.storage), cluster.worker_profile)
    return {"cluster.yaml": yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120), **files}


def run_command(needs: Needs, cluster: Aws | Gcp | Hosts) -> str:
    """What carries the sweep out, once `ray dashboard` has brought the head's dashboard here: a job of the cluster."""
    words = ["xstilts", "submit", *needs.arguments, "--address", DASHBOARD]
    if isinstance(cluster, Cloud):
        gpus = needs.gpus_per_machine(cluster.nodes, cluster.gpus)
        words += ["--nodes", f"{cluster.nodes}x{cluster.cpus}" + (f"x{gpus}" if gpus else "")]
    return shlex.join(words)


def stop_command(cluster: Aws | Gcp | Hosts) -> str:
    """What stops Ray on the head, for `ray exec`, before `ray down`: that of a host that stays would go on. The workers
    end when they have lost their head."""
    return f"{cluster.bin}/ray stop" if isinstance(cluster, Hosts) else "ray stop"


def _shared(needs: Needs, cluster: Aws | Gcp | Hosts) -> Config:
    home = "/home/ray" if isinstance(cluster, Cloud) else "~"
    local = [path for path in map(Path, needs.paths) if not path.is_relative_to(needs.storage)]
    missing = [path for path in local if not path.exists()]
    if missing:
        raise CannotRun(f"{missing[0]}: is not there, and cannot be copied to the cluster: mend the sweep file")
    mounts = {TOKEN.replace("~", home): TOKEN, **{str(path): str(path) for path in local}}
    if cluster.secrets is not None:
        secrets = Path(cluster.secrets).expanduser()
        if not secrets.is_file():
            raise CannotRun(f"secrets: {cluster.secrets} is no file; give one of NAME=VALUE lines")
        if secrets.stat().st_mode & 0o077:
            raise CannotRun(f"secrets: others may read {cluster.secrets}: chmod 600 {cluster.secrets}")
        mounts[SECRETS.replace("~", home)] = str(secrets)
    ray = "ray" if isinstance(cluster, Cloud) else f"{cluster.bin}/ray"
    port = PORT if isinstance(cluster, Cloud) else cluster.port
    start = f"{_prelude(cluster)} {ray} start --disable-usage-stats"
    head = f"{start} --head --port={port} --dashboard-host=127.0.0.1 --autoscaling-config=~/ray_bootstrap_config.yaml"
    safe = json.dumps({SAFE: 1000})
    # A head of its own carries out no steps; of hosts that are there, the first one does.
    head += (
        f" --num-cpus=0 --num-gpus=0 --resources='{safe}'" if isinstance(cluster, Cloud) else f" --resources='{safe}'"
    )
    auth: Config = {"ssh_user": cluster.ssh_user}
    if cluster.ssh_key is not None:
        auth["ssh_private_key"] = cluster.ssh_key
    worker = [f"{ray} stop", f"{start} --address=$RAY_HEAD_IP:{port}"]
    if isinstance(cluster, Cloud) and cluster.spot:
        kind = "aws" if isinstance(cluster, Aws) else "gcp"
        worker.append(f"{_prelude(cluster)} nohup python -m cluster.ray_up.spot_notice {kind} > /tmp/spot.log 2>&1 &")
    return {
        "auth": auth,
        "file_mounts": mounts,
        "head_start_ray_commands": [f"{ray} stop", head],
        "worker_start_ray_commands": worker,
    }


def _prelude(cluster: Aws | Gcp | Hosts) -> str:
    """Before Ray starts: limits, the token's use, and the variables that steps shall have."""
    parts = [f"ulimit -n {FILES} 2> /dev/null;", "export RAY_AUTH_MODE=token;"]
    if isinstance(cluster, Hosts):
        parts.append(f'export PATH={shlex.quote(cluster.bin)}:"$PATH";')  # whose Python a job of the cluster takes
    if cluster.secrets is not None:
        parts.append(f"set -a; . {SECRETS}; set +a;")
    return " ".join(parts)


def _hosts(cluster: Hosts) -> Config:
    head, *others = cluster.hosts
    return {"provider": {"type": "local", "head_ip": head, "worker_ips": others}, "max_workers": len(others)}


def _cloud(needs: Needs, cluster: Aws | Gcp) -> Config:
    gpus = needs.gpus_per_machine(cluster.nodes, cluster.gpus)
    held = {"CPU": cluster.cpus, **({"GPU": gpus} if gpus else {})}
    return {
        "provider": _provider(cluster),
        "max_workers": cluster.nodes,
        "idle_timeout_minutes": IDLE_MINUTES,
        "docker": {
            "image": cluster.image,
            "container_name": "xstilts",
            "pull_before_run": True,
            "run_options": [f"--ulimit nofile={FILES}:{FILES}"],
        },
        "head_node_type": "head",
        "available_node_types": {
            "head": {
                "resources": {"CPU": 0},
                "node_config": _machine(cluster, head=True),
                "max_workers": 0,
            },
            "worker": {
                "resources": held,
                "node_config": _machine(cluster, head=False),
                "min_workers": 0,
                "max_workers": cluster.nodes,
            },
        },
    }


def _provider(cluster: Aws | Gcp) -> Config:
    if isinstance(cluster, Gcp):
        place = {"region": cluster.region, "availability_zone": cluster.zone}
        return {"type": "gcp", **place, "project_id": cluster.project, "cache_stopped_nodes": False}
    zones = {"availability_zone": cluster.zone} if cluster.zone is not None else {}
    return {"type": "aws", "region": cluster.region, **zones, "cache_stopped_nodes": False}


def _machine(cluster: Aws | Gcp, head: bool) -> Config:
    kind = cluster.head_type if head else cluster.worker_type
    return _aws_machine(cluster, kind, head) if isinstance(cluster, Aws) else _gcp_machine(cluster, kind, head)


def _aws_machine(cluster: Aws, kind: str, head: bool) -> Config:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""
    machine: Config = {
        "InstanceType": kind,
        "ImageId": cluster.machine_image,
        "IamInstanceProfile": {"Name": cluster.head_profile if head else cluster.worker_profile},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": cluster.disk, "VolumeType": "gp3", "Encrypted": True}}
        ],
        # Session tokens only; two hops, as containers ask through their machine.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    }
    if cluster.spot and not head:
        machine["InstanceMarketOptions"] = {"MarketType": "spot"}
    return machine


def _gcp_machine(cluster: Gcp, kind: str, head: bool) -> Config:
    """https://cloud.google.com/compute/docs/reference/rest/v1/instances/insert"""
    disk = {"sourceImage": cluster.machine_image, "diskSizeGb": cluster.disk}
    machine: Config = {
        "machineType": kind,
        "disks": [{"boot": True, "autoDelete": True, "type": "PERSISTENT", "initializeParams": disk}],
    }
    if head:
        return machine  # Ray gives its head an account of its own
    scheduling: Config = {}
    if cluster.spot:
        scheduling |= {"provisioningModel": "SPOT", "instanceTerminationAction": "DELETE", "automaticRestart": False}
    if cluster.accelerator is not None:
        each = f"zones/{cluster.zone}/acceleratorTypes/{cluster.accelerator}"
        machine["guestAccelerators"] = [{"acceleratorType": each, "acceleratorCount": cluster.gpus or 1}]
    if cluster.spot or cluster.accelerator is not None:
        scheduling["onHostMaintenance"] = "TERMINATE"
    if scheduling:
        machine["scheduling"] = scheduling
    if cluster.service_account is not None:
        scope = "https://www.googleapis.com/auth/cloud-platform"
        machine["serviceAccounts"] = [{"email": cluster.service_account, "scopes": [scope]}]
    return machine


def _bucket(storage: str) -> str | None:
    """Name and path of the store in S3; None where it is elsewhere."""
    address = urlsplit(storage)
    return f"{address.netloc}{address.path}".rstrip("/") if address.scheme == "s3" else None
