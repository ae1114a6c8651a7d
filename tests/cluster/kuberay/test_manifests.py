"""Manifests for KubeRay hold what a sweep needs, nothing secret, and what the operator and Kubernetes take."""

import os
import shlex
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from cluster.kuberay.description import KubeRay
from cluster.kuberay.manifests import manifests
from cluster.needs import CannotRun, Needs, Workers

CRDS = os.environ.get("XSTILTS_KUBERAY_CRDS")
"""A folder with KubeRay's `ray.io_rayjobs.yaml` and `ray.io_rayclusters.yaml`."""


def needs(folder: Path, **fields) -> Needs:
    file = folder / "my study.yaml"
    file.write_text('sweep: My_Study.2\nnote: "ü, $HOME, {x}"\n', encoding="utf-8")
    return Needs(
        **{
            "sweep": "My_Study.2",
            "arguments": (str(file), "-o", "seeds=[1, 2]"),
            "steps": (Workers(1, 4, 0), Workers(4, 2, 1)),
            "storage": "s3://bucket/runs",
            "tracking": "http://mlflow:5000",
            "paths": (str(file),),
            "secrets": ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN"),
            **fields,
        }
    )


def rendered(of: Needs, **fields) -> dict[str, dict]:
    return {one["kind"]: one for one in yaml.safe_load_all(manifests(of, KubeRay(image="r/xstilts:1", **fields)))}


VARIANTS = {
    "least": {},
    "all": {
        **{"nodes": 2, "gpus": 8, "cpus": 32, "memory": "512G", "namespace": "nlp", "volumes": ("data:/data", "m:/m")},
        **{"secret": "keys", "environment": ("WANDB_MODE",), "service_account": "sa", "redis": "redis:6379"},
        **{"redis_secret": "r", "spot": "cloud.google.com/gke-spot=true", "safe": "pool=stay"},
    },
    "admitted as a whole": {"queue": "team"},
    "a cluster that stays": {"keep": True},
}


def test_a_job_runs_the_sweep_as_it_was_asked_for(tmp_path: Path):
    objects = rendered(needs(tmp_path), nodes=2)
    spec = objects["RayJob"]["spec"]
    command = shlex.split(spec["entrypoint"])
    assert command[:5] == ["xstilts", "run", "/sweep/my study.yaml", "-o", "seeds=[1, 2]"]
    # Two GPUs of each pod hold the four workers, with one CPU more; and two pods without.
    assert command[5:] == ["--address", "auto", "--nodes", "2x5x2", "--nodes", "2x8"]
    data = objects["ConfigMap"]["data"]
    (mounted,) = (
        volume["configMap"]["items"]
        for volume in spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["volumes"]
        if volume["name"] == "sweep"
    )
    assert [item["path"] for item in mounted] == ["my study.yaml"]
    assert data[mounted[0]["key"]] == (tmp_path / "my study.yaml").read_text(encoding="utf-8")


def test_workers_come_and_go_the_head_stays(tmp_path: Path):
    spec = rendered(needs(tmp_path), **VARIANTS["all"])["RayJob"]["spec"]["rayClusterSpec"]
    head = spec["headGroupSpec"]
    assert head["resources"] == {"CPU": "0", "xstilts-safe": "1000"}
    assert head["template"]["spec"]["nodeSelector"] == {"pool": "stay"}
    assert "tolerations" not in head["template"]["spec"]
    gpu, cpu = spec["workerGroupSpecs"]
    assert (gpu["minReplicas"], gpu["maxReplicas"], cpu["maxReplicas"]) == (0, 2, 2)
    limits = gpu["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "32", "memory": "512Gi", "nvidia.com/gpu": "8"}
    for group in (gpu, cpu):
        pod = group["template"]["spec"]
        assert {
            "key": "cloud.google.com/gke-spot",
            "operator": "Equal",
            "value": "true",
            "effect": "NoSchedule",
        } in pod["tolerations"]
        (notice,) = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][2:]
        assert "drain-node" in notice
        assert pod["automountServiceAccountToken"] is False


def test_kueue_admits_a_cluster_of_one_size(tmp_path: Path):
    job = rendered(needs(tmp_path), queue="team", nodes=3)["RayJob"]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert "enableInTreeAutoscaling" not in job["spec"]["rayClusterSpec"]
    assert job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["minReplicas"] == 3


@pytest.mark.parametrize("fields", VARIANTS.values(), ids=list(VARIANTS))
def test_the_operator_takes_them(tmp_path: Path, fields: dict):
    """Its rules, as its validation has them (`ray-operator/controllers/ray/utils/validation.go`, 1.7)."""
    objects = rendered(needs(tmp_path), **fields)
    owner = objects.get("RayJob") or objects["RayCluster"]
    spec = owner["spec"].get("rayClusterSpec", owner["spec"])
    name = owner["metadata"]["name"]
    assert len(name) <= 47
    assert name == "my-study-2"
    assert tuple(map(int, spec["rayVersion"].split("."))) >= (2, 52, 0)  # for its token
    assert spec["authOptions"] == {"mode": "token"}
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert (
            group["template"]["spec"]["restartPolicy"] == "Never"
        )  # for the autoscaler's version 2, and the job's sidecar
        assert not set(group["rayStartParams"]) & {"num-cpus", "num-gpus", "memory", "resources", "labels"}
    assert {type(value) for value in spec["headGroupSpec"]["resources"].values()} == {str}


@pytest.mark.skipif(
    CRDS is None, reason="XSTILTS_KUBERAY_CRDS names no folder of KubeRay's custom resource definitions"
)
@pytest.mark.parametrize("fields", VARIANTS.values(), ids=list(VARIANTS))
def test_the_published_schema_takes_them(tmp_path: Path, fields: dict):
    from jsonschema import Draft202012Validator

    def strict(node):
        """Unknown fields would be dropped in silence."""
        if isinstance(node, dict):
            if node.get("properties") and not node.get("x-kubernetes-preserve-unknown-fields"):
                node.setdefault("additionalProperties", False)
            if node.pop("x-kubernetes-int-or-string", False):
                node.pop("type", None)
            list(map(strict, node.values()))
        elif isinstance(node, list):
            list(map(strict, node))

    for kind, one in rendered(needs(tmp_path), **fields).items():
        if one["apiVersion"] == "ray.io/v1":
            definition = yaml.safe_load((Path(CRDS) / f"ray.io_{kind.lower()}s.yaml").read_text())
            (schema,) = (v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == "v1")
            strict(schema)
            schema["properties"]["metadata"] = {"type": "object"}
            Draft202012Validator(schema).validate(one)


@pytest.mark.parametrize("fields", VARIANTS.values(), ids=list(VARIANTS))
def test_kubernetes_takes_what_is_its_own(tmp_path: Path, fields: dict):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for one in rendered(needs(tmp_path), **fields).values():
        if one["apiVersion"] != "ray.io/v1":
            kubernetes_validate.validate(one, "1.35", strict=True)
            continue
        spec = one["spec"].get("rayClusterSpec", one["spec"])
        for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
            kubernetes_validate.validate(pod, "1.35", strict=True)


def test_secrets_are_named_and_never_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "WANDB_MODE"):
        monkeypatch.setenv(name, "planted-secret")
    text = manifests(needs(tmp_path), KubeRay(image="r/x:1", **VARIANTS["all"]))
    assert "planted-secret" not in text
    spec = yaml.safe_load_all(text)
    job = next(one for one in spec if one["kind"] == "RayJob")["spec"]["rayClusterSpec"]
    for group in (job["headGroupSpec"], *job["workerGroupSpecs"]):
        env = group["template"]["spec"]["containers"][0]["env"]
        assert {one["name"]: one["valueFrom"]["secretKeyRef"]["name"] for one in env} == dict.fromkeys(
            ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "WANDB_MODE"), "keys"
        )


def test_what_no_pod_would_see_is_said(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    of = needs(tmp_path)
    for path in ("/nowhere/model", str(data), str(tmp_path.parent / "other.yaml")):
        with pytest.raises(CannotRun, match=r"no pod would see it: give --set volumes") as caught:
            manifests(needs(tmp_path, paths=(*of.paths, path)), KubeRay(image="r/x:1"))
        assert str(caught.value).startswith(path)
    manifests(needs(tmp_path, paths=(*of.paths, str(data))), KubeRay(image="r/x:1", volumes=(f"claim:{data}",)))
    kept = rendered(of, volumes=(f"claim:{tmp_path}",))  # a sweep file on a volume is read there
    assert "ConfigMap" not in kept
    assert shlex.split(kept["RayJob"]["spec"]["entrypoint"])[2] == str(tmp_path / "my study.yaml")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "one.yaml").write_text("name: one\n")
    found = rendered(needs(tmp_path, paths=(*of.paths, str(tasks))))
    assert len(found["ConfigMap"]["data"]) == 2
    (tasks / "large.yaml").write_text("#" * 2**20)
    with pytest.raises(CannotRun, match="can travel"):
        rendered(needs(tmp_path, paths=(*of.paths, str(tasks))))


@pytest.mark.parametrize(
    "fields",
    [
        {"volumes": ("data",)},
        {"spot": "a"},
        {"namespace": "X"},
        {"redis": "redis"},
        {"redis_secret": "r"},
        {"environment": ("A",)},
        {"queue": "a b"},
        {"memory": "12"},
    ],
    ids=str,
)
def test_a_broken_description_is_refused(fields: dict):
    with pytest.raises(ValidationError):
        KubeRay(image="r/x:1", **fields)
