"""Sweeps on a real Slurm of two nodes, by the batch script of `xstilts launch slurm`, and what may go wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.plan.planner import make_plan
from sweeps.results.results import Results
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from tests.cluster.slurm.lab import SCRATCH, Lab, obstacle, slurm
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
PLAIN = '"""Does nothing."""\n'


class Case:
    """A lab, sweep files in a folder that all its nodes see, and how their trainings are held and counted."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.hold, self.updates = folder / "hold", folder / "updates"
        for name, code in (("held", HELD), ("plain", PLAIN)):
            (folder / name).mkdir(parents=True)
            (folder / name / "held_updates.py").write_text(code)
        self.environment = {**lab.environment, "HOLD": str(self.hold), "UPDATES": str(self.updates)}
        self.environment["PYTHONPATH"] = str(folder / "held")

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
def case(lab, tmp_path, monkeypatch) -> Case:
    """In a folder whose name a shell and sbatch would take apart."""
    case = Case(lab, tmp_path / 'it\'s 100% "mine" $HOME')
    monkeypatch.chdir(case.folder)
    monkeypatch.syspath_prepend(str(case.folder / "plain"))
    return case


def test_what_slurm_refuses_is_one_line_with_the_mend(case):
    file = case.sweep("one")
    said = case.launch(file, "--nodes", "2", "--cpus", "2", "--partition", "nosuch", "--submit", code=2)
    assert said.splitlines()[1:] == [
        "sbatch refuses the job (invalid partition specified: nosuch; Batch job submission failed: Invalid partition "
        "name specified): `sinfo -s` lists the partitions, give another --partition"
    ]
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
