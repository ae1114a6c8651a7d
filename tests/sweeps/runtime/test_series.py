"""One group of workers carries out a series of steps: each step's numbers are those that new processes give."""

from __future__ import annotations

import hashlib
import re
import shutil

import pytest
import yaml
from rich.console import Console

from sweeps.cli.live import TerminalDisplay
from sweeps.runtime.run import run_plan
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import load
from sweeps.tracking import Tracker
from trainables.steps.run import carry_out as carry_out_here
from trainables.store import HEAD, MODEL, PREDICTIONS, Store
from trainables.store.logs import logs_of

pytestmark = pytest.mark.ray

BY_THE_CLOCK = ("train_seconds", "throughput")


def carry_out(fields, folder, host):
    """Carry a sweep out: what is to be prepared here, so that trainings follow each other whatever is urgent."""
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({**fields, "storage": str(folder / "store")}))
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    for step in sweep.plan.steps.values():
        if step.kind.preparation and not sweep.store.done(step.id):
            carry_out_here(step.recipe, step.execution, sweep.store, host())
    tracker = Tracker(sweep)
    schedule = run_plan(sweep, tracker, TerminalDisplay(Console(quiet=True)), None, None, preflight=False)
    tracker.close("FINISHED", patience=120)
    assert schedule.done == set(sweep.plan.steps)
    return sweep


def process_of(sweep, step):
    """The process that carried the step out as its first worker."""
    (process,) = re.findall(r"^--- .* UTC, process (\d+) ", (logs_of(sweep.store) / step / "0.log").read_text(), re.M)
    return int(process)


def made(sweep, step):
    """What a step has made, to the last bit."""
    folder = sweep.store.path(step)
    files = [folder / MODEL / "model.safetensors", folder / HEAD, *sorted((folder / PREDICTIONS).glob("*"))]
    result = sweep.store.record(step)["result"]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()]
    assert digests
    return {name: value for name, value in result.items() if name not in BY_THE_CLOCK}, digests


@pytest.mark.parametrize("execution", [{"cpus_per_worker": 2}, {"workers": 2, "zero_stage": 3}], ids=["one", "two"])
def test_a_warm_process_gives_the_numbers_of_a_new_one(local_ray, tiny, tmp_path, host, execution):
    # Both CPUs are for one step at a time. Trainings of two tasks, of other lengths and heads, with dropout.
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    fields = tiny | {
        "models": {"small": model},
        "targets": [{"task": "gen-nli", "languages": ["two"]}, {"task": "gen-tags", "languages": ["two"]}],
        "training": {"all": {"steps": 8, "evaluate_every": 4, "batch_size": 8, "max_length": 64, "dropout": 0.1}},
        "execution": execution,
    }
    (tmp_path / "series").mkdir()
    series = carry_out(fields, tmp_path / "series", host)
    trained = [s.id for s in series.plan.steps.values() if s.kind.group == "train"]
    first, last = sorted(trained, key=lambda step: series.store.record(step)["finished_at"])
    assert process_of(series, first) == process_of(series, last)
    (evaluation,) = [s.id for s in series.plan.steps.values() if s.kind.group == "evaluate" and last in s.needs]
    in_training = process_of(series, evaluation) == process_of(series, last)
    assert in_training == ("workers" not in execution)  # else one of two workers would have nothing to do
    shutil.copytree(tmp_path / "series" / "store" / "steps", tmp_path / "new" / "store" / "steps")
    for step in (last, evaluation):
        shutil.rmtree(tmp_path / "new" / "store" / "steps" / step)
    new = carry_out(fields, tmp_path / "new", host)
    assert process_of(new, last) != process_of(series, last)
    for step in (last, evaluation):
        assert made(new, step) == made(series, step)
