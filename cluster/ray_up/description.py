"""What the configurations for `ray up` want to know beside a sweep's needs, for each place where it starts clusters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from cluster.description import Description, Nodes, Text


class Cloud(Description):
    """Machines of a cloud: a head that stays, and workers that the autoscaler starts when steps wait for them."""

    image: Text
    """Container image with the project installed (`cluster/image/Dockerfile`)."""
    cpus: Nodes
    """Of a worker's machine type."""
    head_type: Text
    """Machine type of the head, where the sweep's driver runs: some 2 GiB of memory for each running training."""
    worker_type: Text
    """Machine type of the workers."""
    machine_image: Text
    """What machines start from: one that has Docker and, for GPUs, NVIDIA's driver and container toolkit."""
    disk: Annotated[int, Field(strict=True, ge=20, le=65_536)] = 200
    """GiB of each machine: the container image, and what steps hold while they run."""
    spot: bool = True
    """Workers that the cloud may take away at short notice, at a lower price."""
    ssh_user: Text = "ubuntu"
    ssh_key: Text | None = None
    """Private key on this machine; None: Ray makes a pair."""
    secrets: Text | None = None
    """File of `NAME=VALUE` lines on this machine, of mode 600, that machines get: passwords and keys."""


class Aws(Cloud):
    """EC2."""

    region: Text
    zone: Text | None = None
    """Availability zones, separated by commas; None: all of the region."""
    head_profile: Text = "xstilts-head"
    """Instance profile of the head, with `head-policy.json`."""
    worker_profile: Text = "xstilts-worker"
    """Instance profile of the workers, with `worker-policy.json`."""


class Gcp(Cloud):
    """Compute Engine."""

    project: Text
    region: Text
    zone: Text
    accelerator: Text | None = None
    """GPU type, such as nvidia-l4, for machine types that come without."""
    service_account: Text | None = None
    """Address of the service account of the workers, which may use the bucket."""


class Hosts(Description):
    """Machines that are there, reached by ssh, with the project installed on each."""

    hosts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=10_000)]
    """Their addresses; the first one is the head, and carries out steps too."""
    nodes: Nodes = 1
    bin: Text
    """Folder on each host with `ray` and `xstilts`: `/opt/xstilts/.venv/bin`."""
    ssh_user: Text
    ssh_key: Text | None = None
    secrets: Text | None = None
    """File of `NAME=VALUE` lines on this machine, of mode 600, that hosts get: passwords and keys."""
    port: Annotated[int, Field(strict=True, ge=1024, le=65_535)] = 6379
    """Of Ray on the head."""

    @field_validator("bin")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("give an absolute path")
        return value

    @model_validator(mode="after")
    def _once(self) -> Hosts:
        if len(set(self.hosts)) < len(self.hosts):
            raise ValueError("hosts: one is given twice")
        return self
