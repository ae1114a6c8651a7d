"""Sweeps on a real Slurm of two nodes, by the batch script of `xstilts launch slurm`, and what may go wrong."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.plan.planner import make_plan
from sweeps.results.results import Results
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from tests.cluster.slurm.lab import SCRATCH, Lab, obstacle, slurm, until
from trainables.steps.records import TrainResult
from trainables.steps.run import carry_out
from trainables.store import Store

pytestmark = [
    pytest.mark.programs,
    pytest.mark.deepspeed,
    pytest.mark.skipif(obstacle() is not None, reason=str(obstacle())),
]

XSTILTS = Path(sys.executable).parent / "xstilts"
UPDATES = 60
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
FIELDS = {
    "models": {"small": {"architecture": SHAPE, "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500}}},
    "intermediates": ["none"],
    "targets": [{"task": "gen-nli", "languages": ["one", "two"]}],
    "generated": {"size": 0.05},
    "training": {"all": {"steps": UPDATES, "evaluate_every": 30, "batch_size": 16, "learning_rate": 1e-3}},
    # Two workers of more than half of a node: one on each.
    "execution": {"workers": 2, "cpus_per_worker": 2, "zero_stage": 1, "state_every": 5, "log_every": 5},
    "plugins": ["held_updates"],
}
HELD = '''
"""Notes every update of a training in a file, and takes its time for each while another file is there."""
import os, time
from trainables.steps.kinds.train import Train

class Held:
    def __init__(self, host):
        self.host = host

    def __getattr__(self, name):
        return getattr(self.host, name)

    def should_stop(self):
        with open(os.environ["UPDATES"], "a") as file:
            file.write(f"{os.environ['SLURM_JOB_ID']}\\n")
        if os.path.exists(os.environ["HOLD"]):
            time.sleep(2)
        return self.host.should_stop()

run = Train.run
Train.run = lambda self, recipe, execution, store, host: run(self, recipe, execution, store, Held(host))
'''
STUCK = '''
"""Data is prepared for ever."""
import time
from trainables.steps.kinds.data import Data

def run(self, recipe, execution, store, host):
    while host.should_stop() is None:
        time.sleep(0.2)
    return False

Data.run = run
'''
PLAIN = '"""Does nothing."""\n'


class Case:
    """A lab, sweep files in a folder that all its nodes see, and how their trainings are held and counted."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.hold, self.updates = folder / "hold", folder / "updates"
        for name, code in (("held", HELD), ("stuck", STUCK), ("plain", PLAIN)):
            (folder / name).mkdir(parents=True)
            (folder / name / "held_updates.py").write_text(code)
        self.environment = {**lab.environment, "HOLD": str(self.hold), "UPDATES": str(self.updates)}
        self.plug("held")

    def plug(self, name: str) -> None:
        """Have what is launched from now on use this plug-in."""
        self.environment["PYTHONPATH"] = str(self.folder / name)

    def sweep(self, name: str, **fields: Any) -> Path:
        """A sweep file; its storage is `NAME-runs`, relative to the folder in which the job is launched."""
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"sweep": name, "storage": f"{name}-runs", "seeds": [1], **FIELDS, **fields}))
        return file

    def launch(self, *words: str | Path, code: int = 0) -> str:
        """What `xstilts launch slurm ...` says on the control host."""
        command = (str(XSTILTS), "launch", "slurm", *map(str, words))
        done = self.lab.control.run(*command, cwd=self.folder, env=self.environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def submit(self, *words: str | Path) -> str:
        """Launch with two nodes of two CPUs; the id of the job."""
        usual = ("--nodes", "2", "--cpus", "2", "--memory", "100M", "--force", "--submit")
        return next(line.split()[1] for line in self.launch(*words, *usual).splitlines() if line.startswith("job "))

    def output(self) -> str:
        return "\n".join(file.read_text() for file in sorted((self.folder / "launch").glob("*.out")))

    def saved(self, name: str) -> bool:
        """Whether a training state is there to go on from."""
        return any((self.folder / f"{name}-runs").glob("states/*/state.json"))

    def trained(self) -> Counter[str]:
        """By job, updates that were carried out and not a training's last, in all attempts together."""
        return Counter(self.updates.read_text().splitlines() if self.updates.exists() else ())

    def numbers(self, file: Path, store: Store) -> tuple[list[Any], list[tuple[int, float]]]:
        """The numbers of a sweep's tables, and its loss curve, as a store has them."""
        spec = read_spec(file)
        sweep = Sweep(spec, make_plan(spec, str(file)), store)
        (training,) = [step.id for step in sweep.plan.steps.values() if step.kind.leaves_weights]
        scores = [(one.language, one.metric, one.value) for one in Results(sweep).numbers()]
        return scores, list(TrainResult.of(store, training).losses)

    def check(self, file: Path) -> None:
        """The sweep's numbers are those of one process that nobody disturbed."""
        done = self.numbers(file, Store(str(self.folder / f"{file.stem}-runs")))
        spec, alone = read_spec(file), Store(str(self.folder / f"{file.stem}-alone"))
        for step in make_plan(spec, str(file)).steps.values():
            carry_out(step.recipe, step.execution.model_copy(update={"workers": 1, "zero_stage": 0}), alone, Quiet())
        scores, losses = self.numbers(file, alone)
        assert scores
        assert done[0] == scores
        assert [update for update, _ in done[1]] == [update for update, _ in losses]
        assert [loss for _, loss in done[1]] == pytest.approx([loss for _, loss in losses], rel=1e-4)


class Quiet:
    """Runs a step in this process, undisturbed."""

    def report(self, report: object) -> None:
        pass

    def should_stop(self) -> None:
        return None


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with slurm(tmp_path_factory.mktemp("slurm") / "lab") as lab:
        yield lab


@pytest.fixture
def case(lab, tmp_path, monkeypatch) -> Iterator[Case]:
    """In a folder whose name a shell and sbatch would take apart."""
    case = Case(lab, tmp_path / '100% "mine" $HOME')
    monkeypatch.chdir(case.folder)
    monkeypatch.syspath_prepend(str(case.folder / "plain"))
    yield case
    if running := lab.call("squeue", "-h", "-o", "%A").split():  # of a test that failed
        lab.call("scancel", *running)
        until(lambda: not lab.call("squeue", "-h"), "no job")


@pytest.mark.slow
def test_two_sweeps_at_once_as_an_array_one_of_them_cut_off_by_its_time_limit(case):
    one, two = case.sweep("one"), case.sweep("two", seeds=[2])
    case.hold.touch()
    array = case.submit(one, two, "--time", "1-0", "--notice", "60")
    until(lambda: case.saved("one") and case.saved("two"), f"states of both: {case.output()}")
    job = f"{array}_0"
    case.lab.call("scontrol", "update", f"JobId={job}", "EndTime=now+60")
    case.lab.wait(job, "PENDING")
    assert case.lab.shown(f"{array}_1")["JobState"] == "RUNNING"
    case.hold.unlink()
    case.lab.call("scontrol", "update", f"JobId={job}", "TimeLimit=1-0")
    case.lab.again(job)
    for number in (0, 1):
        case.lab.wait(f"{array}_{number}", "COMPLETED")
    assert case.output().count("the job starts again") == 1
    assert list(case.trained().values()) == [UPDATES - 1, UPDATES - 1]  # nothing was done twice
    for file in (one, two):
        case.check(file)
    assert case.lab.left() == []


def test_what_slurm_refuses_is_one_line_with_the_mend(case):
    file = case.sweep("one")
    said = case.launch(file, "--nodes", "2", "--cpus", "2", "--partition", "nosuch", "--submit", code=2)
    assert said.splitlines()[1:] == [
        "sbatch refuses the job (invalid partition specified: nosuch; Batch job submission failed: Invalid partition "
        "name specified): `sinfo -s` lists the partitions, give another --partition"
    ]
    said = case.launch(file, "--nodes", "2", "--cpus", "2", "--gpus", "1", "--submit", "--force", code=2)
    assert "shows which partitions have GPUs, give another --partition, or other --gpus" in said.splitlines()[-1]
    said = case.launch(file, "--nodes", "3", "--cpus", "2", "--submit", "--force", code=2)
    assert said.splitlines()[-1].endswith("`sinfo -s` shows how many there are, give fewer --nodes")


def test_a_node_whose_disk_is_full(case):
    (*_, name) = case.lab.nodes
    node = case.lab.nodes[name]
    node.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", SCRATCH, check=True)
    job = case.submit(case.sweep("one"))
    case.lab.wait(job, "FAILED")
    assert (
        f"xstilts: {name}: {SCRATCH}: 0.0 GiB are free, Ray wants 2 on the node's own disk: free some" in case.output()
    )
    node.run("umount", SCRATCH, check=True)
    assert case.lab.left() == []


@pytest.mark.slow
def test_a_node_that_differs_does_not_see_the_storage_and_an_mlflow_that_is_not_there(case):
    """All in one job, whose driver ends with a line for each before any step has begun."""
    (*_, name) = case.lab.nodes
    node = case.lab.nodes[name]
    file, storage = case.sweep("one", tracking="http://control:5999"), case.folder / "one-runs"
    written = Path(str(distribution("iniconfig").locate_file(""))).glob("iniconfig-*.dist-info/METADATA")
    metadata, other, elsewhere = next(written), case.folder / "METADATA", case.folder / "elsewhere"
    other.write_text("Metadata-Version: 2.1\nName: iniconfig\nVersion: 99.0\n")
    for folder in (storage, elsewhere):
        folder.mkdir()
    for mine, theirs in ((other, metadata), (elsewhere, storage)):
        node.run("mount", "--bind", str(mine), str(theirs), check=True)
    job = case.submit(file)
    case.lab.wait(job, "FAILED")
    said = case.output()
    assert case.lab.shown(job)["ExitCode"] == "2:0", said
    for line in (
        f"{name}: iniconfig 99.0, here {version('iniconfig')}: install the same on every node",
        "is another folder here: it must be a file system that every node shares, or a URI (s3://...)",
    ):
        (found,) = [one for one in said.splitlines() if line in one]
        assert name in found
    for place in (metadata, storage):
        node.run("umount", str(place), check=True)
    assert case.lab.left() == []


@pytest.mark.slow
def test_a_token_that_is_missing_and_an_mlflow_that_the_nodes_do_not_reach(case):
    """Who has no token is told so at once; the sweep ends as it should, and MLflow has all when it can be reached."""
    first, second = case.lab.nodes.values()
    file = case.sweep("one", tracking="http://control:5999")
    case.hold.touch()
    job = case.submit(file)
    until(lambda: case.saved("one"), f"a state: {case.output()}")
    address = f"{first.address}:{20000 + int(job) % 2500 * 4}"
    bare = {name: value for name, value in case.environment.items() if not name.startswith("RAY_")}
    bare["HOME"] = str(case.folder)  # where no token lies
    node = ("-m", "cluster.slurm.node", "--address", "10.77.0.2:30000")
    for words, code, line in (
        ((str(XSTILTS), "run", str(file), "--address", address), 2, "wants a token: put the token"),
        (("srun", "--quiet", "-N1", "-n1", sys.executable, *node), 2, "RAY_AUTH_TOKEN is not in the environment: srun"),
    ):
        done = (second if words[0] == str(XSTILTS) else case.lab.control).run(*words, cwd=case.folder, env=bare)
        (found,) = [one for one in done.stderr.splitlines() if "oken" in one or "TOKEN" in one]
        assert line in found
        assert done.returncode == code
        assert len(found) <= 300
    case.hold.unlink()
    case.lab.wait(job, "COMPLETED")
    said = case.output()
    away = f"MLflow (http://control:5999) does not answer {first.name}, where the driver runs: start it, or mend"
    assert said.index(away) < said.index("2/5")
    assert said.count("does not answer") == 1
    assert "small: by language" in said
    case.check(file)
    database = ("--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", str(case.folder / "artifacts"))
    server = (sys.executable, "-m", "mlflow", "server", *database, "--host", "0.0.0.0", "--port", "5999", "--workers=1")
    allowed = {**bare, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_SERVER_ALLOWED_HOSTS": "*"}
    started = case.lab.control.start(*server, cwd=case.folder, env=allowed)
    until(lambda: case.lab.control.run("ss", "-Hltn", "sport = 5999").stdout, "MLflow listens")
    sent = case.lab.control.run(str(XSTILTS), "track", str(file), cwd=case.folder, env=bare)
    assert "one: MLflow has everything" in sent.stdout, sent
    started.terminate()
    started.wait()
    with sqlite3.connect(case.folder / "mlflow.db") as runs:
        assert runs.execute("SELECT status, COUNT(*) FROM runs GROUP BY status").fetchall() == [("FINISHED", 6)]
    assert case.lab.left() == []


@pytest.mark.slow
def test_a_job_that_is_preempted_requeued_by_hand_and_loses_a_node(case):
    lab, file = case.lab, case.sweep("one")
    case.hold.touch()
    job = case.submit(file)

    def running(beyond: int) -> None:
        """Wait until it trains, and has saved something."""
        until(lambda: case.saved("one") and case.trained()[job] > beyond + 3, f"updates: {case.output()}")

    running(0)
    other = lab.call("sbatch", "--parsable", "-p", "high", "-N2", "-c4", "-o", "/dev/null", "--wrap", "sleep 1")
    lab.wait(other, "COMPLETED")
    assert case.output().count("the job starts again") == 1
    lab.again(job)
    running(case.trained()[job])
    lab.call("scontrol", "requeue", job)
    lab.again(job)
    running(case.trained()[job])
    (*_, name) = lab.nodes
    lab.lose(name)
    lab.wait(job, "PENDING")
    lab.start(name)
    lab.again(job)
    case.hold.unlink()
    lab.wait(job, "COMPLETED")
    # Between the last state and the loss of the node there are fewer updates than `state_every`, and the one in hand.
    assert UPDATES - 1 <= case.trained()[job] <= UPDATES + 5
    case.check(file)
    assert lab.left() == []


@pytest.mark.slow
def test_a_job_that_gets_nowhere_does_not_start_for_ever(case):
    case.plug("stuck")
    job = case.submit(case.sweep("one"), "--time", "1-0", "--notice", "60")
    for end in ("PENDING", "FAILED"):
        until(lambda: "started" in case.output(), "a step has begun")
        for output in (case.folder / "launch").glob("*.out"):
            output.write_text("")
        case.lab.call("scontrol", "update", f"JobId={job}", "EndTime=now+60")
        case.lab.wait(job, end)
        if end == "PENDING":
            case.lab.call("scontrol", "update", f"JobId={job}", "TimeLimit=1-0")
            case.lab.again(job)
    assert "no step got further since the job started the last time" in case.output()
    assert case.lab.left() == []
