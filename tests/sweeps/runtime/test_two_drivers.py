"""The same sweep started twice at once, on one store: no step is carried out twice, and both end with all of it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import ray
from rich.console import Console

from sweeps.cli.live import TerminalDisplay
from sweeps.runtime.run import run_plan
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import load
from sweeps.tracking import Tracker
from trainables.store import Store

pytestmark = pytest.mark.ray


def started(text):
    return re.findall(r"\d+/\d+  (.+): started", text)


def test_two_drivers_share_the_steps_of_one_sweep(local_ray, tiny, sweep_file, tmp_path):
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    file = sweep_file(
        models={"small": model},
        intermediates=["none", "gen-nli"],
        targets=[{"task": "gen-tags", "languages": ["one", "two"]}],
        execution={"cpus_per_worker": 1},
    )
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    plan, store = sweep.plan, sweep.store
    tracker = Tracker(sweep)
    command = [sys.executable, "-m", "sweeps.cli.main", "run", str(file), "--no-preflight"]
    with (tmp_path / "other").open("w") as log, (tmp_path / "this").open("w") as ours:
        other = subprocess.Popen(
            [*command, "--address", ray.get_runtime_context().gcs_address],
            stdout=log,
            stderr=log,
        )
        schedule = run_plan(
            sweep,
            tracker,
            TerminalDisplay(Console(file=ours, width=200)),
            None,
            None,
            preflight=False,
        )
        code = other.wait(timeout=300)
        tracker.close("FINISHED")
    said = [(tmp_path / name).read_text() for name in ("this", "other")]
    assert code == 0, said[1]
    assert schedule.done == set(plan.steps), said[0]
    both = [started(text) for text in said]
    assert sorted(both[0] + both[1]) == sorted(step.name for step in plan.steps.values())
    assert not list(store.files.list(store.at("leases")))
    assert not list(store.files.list(store.at("owners")))
