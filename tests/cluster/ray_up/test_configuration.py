"""Configurations for `ray up` hold to Ray's own schema, to least rights, and to nothing secret."""

import json
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from cluster.needs import CannotRun, Needs, Workers
from cluster.ray_up.configuration import configuration, run_command
from cluster.ray_up.description import Aws, Gcp, Hosts

MACHINES = {
    "image": "r/x:1",
    "cpus": 48,
    "gpus": 4,
    "nodes": 8,
    "head_type": "h",
    "worker_type": "w",
    "machine_image": "m",
}
CLUSTERS = {
    "aws": Aws(region="us-east-1", zone="us-east-1a", **MACHINES),
    "aws on demand": Aws(region="us-east-1", spot=False, **MACHINES),
    "gcp": Gcp(
        project="p",
        region="europe-west4",
        zone="europe-west4-a",
        accelerator="nvidia-l4",
        service_account="w@p",
        **MACHINES,
    ),
    "hosts": Hosts(hosts=("10.0.0.1", "10.0.0.2"), bin="/opt/x/bin", ssh_user="me", ssh_key="~/.ssh/id"),
}


def needs(folder: Path, **fields) -> Needs:
    file = folder / "my study.yaml"
    file.write_text("sweep: my-study\n")
    return Needs(
        **{
            "sweep": "my-study",
            "arguments": (str(file), "-o", "seeds=[1, 2]"),
            "steps": (Workers(4, 2, 1),),
            "storage": "s3://bucket/deep/runs",
            "tracking": "http://mlflow:5000",
            "paths": (str(file),),
            "secrets": ("HF_TOKEN",),
            **fields,
        }
    )


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=list(CLUSTERS))
def test_ray_takes_it(tmp_path: Path, cluster: Any):
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(yaml.safe_load(configuration(needs(tmp_path), cluster)["cluster.yaml"])))


@pytest.mark.parametrize("cluster", [CLUSTERS["aws"], CLUSTERS["gcp"]], ids=["aws", "gcp"])
def test_workers_may_be_taken_away_the_head_not(tmp_path: Path, cluster: Any):
    config = yaml.safe_load(configuration(needs(tmp_path), cluster)["cluster.yaml"])
    head, worker = (config["available_node_types"][name]["node_config"] for name in ("head", "worker"))
    spot = {"InstanceMarketOptions", "scheduling"}
    assert spot & set(worker)
    assert not spot & set(head)
    assert config["available_node_types"]["worker"]["min_workers"] == 0
    (start,) = (line for line in config["head_start_ray_commands"] if " start " in line)
    assert "--num-cpus=0" in start  # no step runs where the driver does
    assert "xstilts-safe" in start
    assert "spot_notice" in config["worker_start_ray_commands"][-1]


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=list(CLUSTERS))
def test_ray_takes_no_connection_without_the_token(tmp_path: Path, cluster: Any):
    config = yaml.safe_load(configuration(needs(tmp_path), cluster)["cluster.yaml"])
    starts = [c for c in config["head_start_ray_commands"] + config["worker_start_ray_commands"] if " start " in c]
    assert len(starts) == 2
    assert all("export RAY_AUTH_MODE=token" in command for command in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert "~/.ray/auth_token" in config["file_mounts"].values()


def test_rights_are_the_least(tmp_path: Path):
    files = configuration(needs(tmp_path), CLUSTERS["aws"])
    head, worker = (json.loads(files[f"{who}-policy.json"])["Statement"] for who in ("head", "worker"))
    of_workers = [action for statement in worker for action in statement["Action"]]
    assert all(action.startswith("s3:") for action in of_workers)
    for statement in head + worker:
        assert not any("*" in action for action in statement["Action"])
        if any(action.startswith("s3:") for action in statement["Action"]):
            assert all(one.startswith("arn:aws:s3:::bucket") for one in statement["Resource"])
        if set(statement["Action"]) & {"ec2:TerminateInstances"}:
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/ray-cluster-name": "my-study"}}
    starts = [one for one in head if one["Action"] == ["ec2:RunInstances"] and "instance/*" in one["Resource"][0]]
    assert starts[0]["Condition"] == {"StringEquals": {"aws:RequestTag/ray-cluster-name": "my-study"}}
    assert "worker-policy.json" not in configuration(needs(tmp_path, storage="gs://b/runs"), CLUSTERS["aws"])


def test_secrets_are_carried_by_a_file_of_mode_600(tmp_path: Path):
    secrets = tmp_path / "secrets"
    secrets.write_text("HF_TOKEN=planted-secret\n")
    cluster = CLUSTERS["aws"].model_copy(update={"secrets": str(secrets)})
    secrets.chmod(0o644)
    with pytest.raises(CannotRun, match="chmod 600"):
        configuration(needs(tmp_path), cluster)
    secrets.chmod(stat.S_IRUSR | stat.S_IWUSR)
    text = configuration(needs(tmp_path), cluster)["cluster.yaml"]
    assert "planted-secret" not in text
    assert yaml.safe_load(text)["file_mounts"]["/home/ray/.xstilts-secrets"] == str(secrets)
    with pytest.raises(CannotRun, match="is no file"):
        configuration(needs(tmp_path), cluster.model_copy(update={"secrets": str(tmp_path / "none")}))


def test_the_sweep_runs_as_a_job_as_it_was_asked_for(tmp_path: Path):
    assert shlex.split(run_command(needs(tmp_path), CLUSTERS["aws"])) == [
        *("xstilts", "submit", str(tmp_path / "my study.yaml"), "-o", "seeds=[1, 2]"),
        *("--address", "http://127.0.0.1:8265", "--nodes", "8x48x4"),
    ]


def test_what_machines_would_not_see_is_said(tmp_path: Path):
    with pytest.raises(CannotRun, match="give a bucket in the sweep file"):
        configuration(needs(tmp_path, storage="/data/runs"), CLUSTERS["gcp"])
    with pytest.raises(CannotRun, match="is not there"):
        configuration(needs(tmp_path, paths=("/nowhere/model",)), CLUSTERS["aws"])


@pytest.mark.parametrize(
    "fields", [{"hosts": ()}, {"hosts": ("a", "a")}, {"bin": "bin"}, {"port": 80}, {"hosts": ("a b\n",)}], ids=str
)
def test_broken_descriptions_are_refused(fields: dict):
    with pytest.raises(ValidationError):
        Hosts(**{"hosts": ("a",), "bin": "/bin", "ssh_user": "me", **fields})
