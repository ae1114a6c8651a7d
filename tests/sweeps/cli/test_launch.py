"""`xstilts launch`: a sweep's needs, the description of a cluster, what is written, and requests that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sweeps.cli.console import load_sweep
from sweeps.cli.main import app
from sweeps.cli.needs import needs_of

MINE = {
    "sweep": "mine",
    "models": ["mini"],
    "intermediates": ["none"],
    "targets": ["gen-nli"],
    "seeds": [1],
    "generated": {"size": 0.05},
    "training": {"all": {"steps": 4}},
    "execution": {"workers": 2, "cpus_per_worker": 2},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MINE))
    return tmp_path


def launch(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["launch", "slurm", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_needs(here):
    over = ["execution.workers=3", "tracking=https://mlflow.example.org"]
    file = Path("mine.yaml")
    needs = needs_of(load_sweep(file, over), file, over)
    assert needs.sweep == "mine"
    assert needs.arguments == (str(here / "mine.yaml"), "-o", over[0], "-o", over[1])
    assert {(one.count, one.cpus, one.gpus) for one in needs.steps} >= {(3, 2, 0), (1, 2, 0)}
    assert needs.storage == str(here / "runs")
    assert {str(here / "mine.yaml"), str(here / "runs")} <= set(needs.paths)
    assert all(Path(path).is_absolute() for path in needs.paths)
    assert "MLFLOW_TRACKING_PASSWORD" in needs.secrets
    study = needs_of(load_sweep(Path("demo"), None), Path("demo"), None)
    assert study.arguments == ("demo",)
    assert str(here / "runs/mlflow.db") in study.paths
    assert study.secrets == ()


def test_a_description_and_options_that_go_before_it(here):
    (here / "cluster.yaml").write_text(
        yaml.safe_dump({"nodes": 2, "cpus": 4, "slurm": {"partition": "gpu", "time": "1-0"}, "kuberay": {"odd": 1}})
    )
    shown = launch("mine.yaml", "--cluster", "cluster.yaml", "--partition", "cpu", "--dry-run")
    assert "#SBATCH --partition=cpu\n" in shown
    assert "#SBATCH --nodes=2\n" in shown
    assert "#SBATCH --time=1-0\n" in shown
    assert not (here / "launch").exists()


def test_what_somebody_changed_is_not_overwritten(here):
    first = launch("mine.yaml", "--cpus", 4)
    assert f"sbatch {here}/launch/mine.sh" in first
    assert "no GPUs: steps run on CPUs; give --gpus N for machines that have some" in first
    assert "no GPUs" not in launch("mine.yaml", "--cpus", 4, "--gpus", 2, "--dry-run")
    written = here / "launch/mine.sh"
    assert written.stat().st_mode & 0o111
    launch("mine.yaml", "--cpus", 4)  # the same again
    written.write_text("mine now")
    said = launch("mine.yaml", "--cpus", 4, code=2)
    assert said == f"--to: {written} is there and differs: give --force to overwrite it, or another folder\n"
    launch("mine.yaml", "--cpus", 4, "--force")
    assert written.read_text() != "mine now"


WRONG = [
    (("--nodes", "0"), "options: nodes: input should be greater than or equal to 1 (found 0)"),
    (("--memory", "64"), "options: memory: must be a number with its unit: 64G (M, G or T, binary) (found "),
    (("--partition", "a b"), "options: partition: is no value for sbatch"),
    (("--partition", "$(id)"), "options: partition: is no value for sbatch"),
    (("--partition", "-p"), "options: partition: is no value for sbatch"),
    (("--time", "tomorrow"), "options: time: must be a time as Slurm writes it"),
    (("--gpus", "1", "--gres", "gpu:1"), "options: gres: says the same as gpus"),
    (("--sbatch-option", "nodes=3"), "options: sbatch[0]: nodes is set by the script: give --nodes"),
    (("--sbatch-option", "--nice"), "options: sbatch[0]: must be a long option of sbatch without its dashes"),
    (("--sbatch-option", "comment=a\nb"), "options: sbatch[0]: is no value for sbatch"),
    (("--env", "A=secret"), "options: environment[0]: is no name of an environment variable"),
    (("--runtime", "docker"), "options: runtime: input should be 'pyxis' or 'apptainer'"),
    (("--notice", "5"), "options: notice: input should be greater than or equal to 30"),
    (("--setup", "a\nb"), "options: setup[0]: must be one line"),
    (("--cpus", "1"), "mine: a step has 2 workers of 2 CPUs; 1 machine of 1 CPUs and 0 GPUs cannot hold that"),
    (("--cluster", "none.yaml"), "none.yaml: there is no such file"),
    (("--cluster", "list.yaml"), "list.yaml: must be a mapping of fields"),
    (("--cluster", "field.yaml"), "field.yaml: partitoin: unknown field; did you mean"),
    (("--dry-run", "--submit"), "--dry-run: nothing is submitted with it; leave --submit out"),
    (("--to", "mine.yaml"), "--to: "),
]


@pytest.mark.parametrize(("words", "line"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_request_is_one_line(here, words, line):
    (here / "list.yaml").write_text("[1]")
    (here / "field.yaml").write_text("slurm: {partitoin: gpu}")
    before = sorted(here.iterdir())
    said = launch("mine.yaml", *words, code=2)
    assert said.startswith(line)
    assert len(said.splitlines()) == 1
    assert len(said) <= 301
    assert sorted(here.iterdir()) == before


def test_without_slurm_on_this_machine(here, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    said = launch("mine.yaml", "--cpus", 4, "--submit", code=2)
    assert said.splitlines()[1:] == [
        "there is no sbatch on this machine: call this where jobs are submitted, or without --submit"
    ]
