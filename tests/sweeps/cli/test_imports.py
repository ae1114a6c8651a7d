"""What the commands that carry nothing out import: planning starts fast, and on a machine without a GPU stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sweeps

FOLDER = Path(sweeps.__file__).parent
HEAVY = {"torch", "ray", "mlflow", "deepspeed", "transformers", "datasets"}
PROGRAM = """
import json, sys
from sweeps.cli.main import app

app(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("study", ["paper.yaml", "demo.yaml", "xtreme-r.yaml"])
def test_planning_imports_nothing_that_trains_or_tracks(study, tmp_path):
    command = (sys.executable, "-c", PROGRAM, "plan", str(FOLDER / study), "-o", f"storage={tmp_path / 'store'}")
    devices = ("--cpus", "2") if study == "demo.yaml" else ("--gpus", "64")
    done = subprocess.run((*command, *devices), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *shown, modules = done.stdout.splitlines()
    assert "train" in "\n".join(shown)
    assert {"sweeps", "trainables"} <= set(json.loads(modules))
    assert not HEAVY & set(json.loads(modules))


def test_the_driver_of_a_sweep_imports_nothing_that_trains():
    of_the_driver = "asha, lifecycle, observer, preflight, run, searcher, trial, watchdog"
    program = f"import sys; from sweeps.runtime import {of_the_driver}; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"torch", "deepspeed", "transformers", "datasets"}.isdisjoint(done.stdout.split())
