"""What the manifests of KubeRay want to know beside a sweep's needs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, field_validator, model_validator

from cluster.description import Description, Memory, Nodes, Some, Text


def _name(text: str) -> str:
    if len(text) > 63 or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
        raise ValueError("is no name that Kubernetes takes: small letters, digits and hyphens, at most 63")
    return text


def _pair(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?=[A-Za-z0-9._-]*", text):
        raise ValueError("is no label of nodes; give KEY=VALUE")
    return text


def _volume(text: str) -> str:
    claim, _, path = text.partition(":")
    _name(claim)
    if not re.fullmatch(r"/[^:\0]+", path):
        raise ValueError("give CLAIM:/PATH, a persistent volume claim and where it is mounted")
    return text


ObjectName = Annotated[str, AfterValidator(_name)]
Pair = Annotated[str, AfterValidator(_pair)]
Volume = Annotated[str, AfterValidator(_volume)]


class KubeRay(Description):
    """A cluster of pods: a head, and groups of workers that the autoscaler starts when steps wait for them."""

    image: Text
    """With the project installed (`cluster/image/Dockerfile`)."""
    cpus: Nodes | None = None
    """Of each worker pod; None: those of a step's workers, and one more."""
    memory: Memory = "64G"
    """Of each worker pod."""
    namespace: ObjectName | None = None
    cpu_nodes: Some = 2
    """Pods without GPUs, beside those with: for preparing data and what else needs none."""
    head_memory: Memory = "32G"
    """Of the head, where the sweep's driver runs, and for each running training some 2 GiB of Ray's own processes."""
    volumes: tuple[Volume, ...] = ()
    """CLAIM:/PATH: persistent volume claims, mounted in every pod; those of the storage, of data and models."""
    secret: ObjectName | None = None
    """A Secret whose keys are environment variables: passwords and keys."""
    service_account: ObjectName | None = None
    """Of all pods: how clouds give them access to a bucket."""
    spot: Pair | None = None
    """Label and taint of the nodes that workers run on, where these may be taken away at short notice."""
    safe: Pair | None = None
    """Label of nodes that stay: for the head."""
    queue: ObjectName | None = None
    """Local queue of Kueue, which admits the whole cluster at once; pods are then not scaled."""
    redis: Text | None = None
    """HOST:PORT of a Redis where Ray keeps what it must not lose with the head."""
    redis_secret: ObjectName | None = None
    """A Secret whose key `password` is that of Redis."""
    keep: bool = False
    """Only the cluster, which stays until it is deleted; without it the sweep as a job whose cluster ends with it."""

    @field_validator("redis")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+:[1-9]\d{0,4}", value):
            raise ValueError("give HOST:PORT")
        return value

    @model_validator(mode="after")
    def _given_by_something(self) -> KubeRay:
        if self.environment and self.secret is None:
            raise ValueError("environment: pods have such variables from a Secret; give secret, its name")
        if self.redis_secret is not None and self.redis is None:
            raise ValueError("redis_secret: there is no redis")
        return self
