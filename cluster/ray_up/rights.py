"""Least rights of a cluster on AWS: its head starts and ends its own workers, and all use one place in one bucket."""

from __future__ import annotations

import json
from typing import Any

TAG = "ray-cluster-name"
"""Ray marks every machine of a cluster with it, as it starts it."""
LOOKS = (
    "DescribeInstances", "DescribeInstanceTypes", "DescribeInstanceStatus", "DescribeImages", "DescribeSubnets",
    "DescribeSecurityGroups", "DescribeKeyPairs", "DescribeVpcs", "DescribeAvailabilityZones", "DescribeTags",
)  # fmt: skip
WITH_A_MACHINE = ("image/*", "subnet/*", "network-interface/*", "security-group/*", "key-pair/*", "volume/*")
"""What is used, or made, with a machine that starts, and bears no tag of the cluster."""


def policies(name: str, bucket: str | None, worker_profile: str) -> dict[str, str]:
    """Policy documents of the roles of the head and of the workers, by file name.

    Args:
        name: of the cluster.
        bucket: `BUCKET/PATH` of the storage; None: it is not in S3.
        worker_profile: instance profile of the workers; its role has the same name.

    Source: the actions that Ray's provider for AWS calls (`ray/autoscaler/_private/aws/node_provider.py`), and
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html.
    """
    ours = {"StringEquals": {f"aws:ResourceTag/{TAG}": name}}
    new = {"StringEquals": {f"aws:RequestTag/{TAG}": name}}
    head = [
        _allow([f"ec2:{action}" for action in LOOKS], ["*"]),
        _allow(["ec2:RunInstances"], ["arn:aws:ec2:*:*:instance/*"], new),
        _allow(
            ["ec2:RunInstances"], [f"arn:aws:ec2:*:*:{one}" for one in WITH_A_MACHINE[1:]] + ["arn:aws:ec2:*::image/*"]
        ),
        _allow(
            ["ec2:CreateTags"], ["arn:aws:ec2:*:*:instance/*"], {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
        ),
        _allow(["ec2:CreateTags", "ec2:TerminateInstances"], ["arn:aws:ec2:*:*:instance/*"], ours),
        _allow(["iam:PassRole"], [f"arn:aws:iam::*:role/{worker_profile}"]),
    ]
    if bucket is None:
        return {"head-policy.json": _document(head)}
    store = _store(bucket)
    return {"head-policy.json": _document(head + store), "worker-policy.json": _document(store)}


def _store(bucket: str) -> list[dict[str, Any]]:
    name, _, path = bucket.partition("/")
    listed = {"StringLike": {"s3:prefix": [f"{path}/*", path]}} if path else None
    return [
        _allow(["s3:ListBucket"], [f"arn:aws:s3:::{name}"], listed),
        _allow(
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], [f"arn:aws:s3:::{bucket}/*"]
        ),
    ]


def _allow(actions: list[str], resources: list[str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"
