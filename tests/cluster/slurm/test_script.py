"""The batch script: what sbatch is told, what a shell makes of hostile names, what cannot be placed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.needs import CannotRun, Needs, Workers
from cluster.slurm.description import SlurmCluster
from cluster.slurm.script import script

HERE = Path("/home/me/my study")
HOSTILE = 'it\'s "$HOME" `id` $(id)\nand; more & @PYTHON@ \\ %j'
NEEDS = Needs(
    sweep="study",
    arguments=("/home/me/my study/study.yaml", "-o", f"storage={HOSTILE}"),
    steps=(Workers(1, 1, 0), Workers(4, 2, 1)),
    storage="s3://bucket/runs",
    tracking="http://mlflow:5000",
    paths=("/data/xtreme",),
    secrets=("AWS_SECRET_ACCESS_KEY",),
)


def made(*sweeps: Needs, folder: Path = Path("/shared/out"), here: Path = HERE, **fields: Any) -> str:
    text = script(sweeps or (NEEDS,), SlurmCluster(**{"nodes": 2, "cpus": 8, **fields}), folder, here)
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    return text


def options(text: str) -> dict[str, str]:
    lines = [line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH --")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_what_slurm_is_asked_for():
    said = options(made(partition="gpu", account="me", time="2-00:00:00", memory="64G", mail="me@example.org"))
    assert said == {
        "job-name": "study",
        "nodes": "2",
        "ntasks-per-node": "1",
        "cpus-per-task": "8",
        "partition": "gpu",
        "account": "me",
        "time": "2-00:00:00",
        "mem": "64G",
        "mail-user": "me@example.org",
        "mail-type": "END,FAIL,REQUEUE",
        "gpus-per-node": "2",  # the fewest that hold the step of four workers on two nodes
        "output": '"/shared/out/study-%j.out"',
        "open-mode": "append",
        "requeue": "",
        "signal": "B:USR1@120",
    }
    assert {"exclusive"} <= options(made(cpus=None)).keys()
    assert options(made(gres="gpu:a100:4"))["gres"] == "gpu:a100:4"
    assert "gpus-per-node" not in options(made(gres="gpu:a100:4"))
    asked = options(made(requeue=False, notice=300, sbatch=("reservation=mine", "exclusive")))
    assert "no-requeue" in asked
    assert (asked["signal"], asked["reservation"], asked["exclusive"]) == ("B:USR1@300", "mine", "")
    array = options(made(NEEDS, replace(NEEDS, sweep="other"), folder=Path('/a "b" 5% c')))
    assert (array["array"], array["output"]) == ("0-1", '"/a \\"b\\" 5%% c/study+1-%j.out"')


def test_a_shell_hands_hostile_names_on_as_they_are():
    """The lines that set what differs are run by a real shell, with what the commands would get."""
    here, scratch, image = Path("/tmp/" + HOSTILE.replace("\n", " ")), "$TMPDIR/it's", "docker://me/my image:1"
    sweeps = NEEDS, replace(NEEDS, arguments=("demo",))
    one = made(*sweeps, here=here, scratch=scratch, image=image, runtime="apptainer")
    lines = one.splitlines()
    first = lines.index(next(line for line in lines if line.startswith("case ")))
    program = "\n".join(lines[first : lines.index("esac") + 1])
    for number, needs in enumerate(sweeps):
        done = subprocess.run(
            ["bash", "-uc", f'SLURM_ARRAY_TASK_ID={number}\n{program}\nprintf "%s\\0" "${{sweep[@]}}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        assert tuple(done.stdout.split("\0")[:-1]) == needs.arguments
    inside = one[one.index("inside=(") : one.index("\n\n# Ray on every node")]
    said = subprocess.run(
        ["bash", "-uc", f'{inside}\nprintf "%s\\0" "${{inside[@]}}"'], capture_output=True, text=True, check=True
    )
    words = said.stdout.split("\0")[:-1]
    assert words[:3] == ["apptainer", "exec", "--nv"]
    assert words[-3:] == ["--pwd", str(here), image]


def test_secrets_are_named_and_stand_nowhere(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    text = made(environment=("HF_HOME",))
    assert "AWS_SECRET_ACCESS_KEY" in text
    assert "for name in HF_HOME; do" in text
    assert "planted-secret" not in text
    # Nothing that a list of processes shows has the token: it is exported, and named in no command.
    assert [line for line in text.splitlines() if "$RAY_AUTH_TOKEN" in line] == []


def test_containers():
    pyxis = made(image="me/image:1", mounts=("/scratch:/scratch",))
    assert "--container-image=me/image:1 '--container-mounts=/home/me/my study:/home/me/my study,/data/xtreme" in pyxis
    assert "python3 -P -m cluster.slurm.node" in pyxis
    assert sys.executable not in pyxis
    plain = made()
    assert "inside=()" in plain
    assert f"{sys.executable} -P -m cluster.slurm.node" in plain


@pytest.mark.parametrize(
    ("fields", "here", "line"),
    [
        ({"nodes": 1, "gpus": 2}, HERE, "study: a step has 4 workers of 2 CPUs and 1 GPUs; 1 machine of 8 CPUs and"),
        ({"cpus": 1, "gpus": 2}, HERE, "study: a step has 4 workers of 2 CPUs and 1 GPUs; 2 machines of 1 CPUs and"),
        ({"cpus": None, "gpus": 1}, HERE, "study: a step has 4 workers of 2 CPUs and 1 GPUs; 2 machines of 1 GPUs"),
        ({"image": "me/image:1"}, Path("/a,b"), "/a,b: a container cannot see a path with a comma"),
    ],
)
def test_what_cannot_be_is_one_line(fields, here, line):
    with pytest.raises(CannotRun) as error:
        made(here=here, **fields)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_a_folder_that_sbatch_cannot_name():
    with pytest.raises(CannotRun, match="--to: "):
        made(folder=Path("/a\\b"))
