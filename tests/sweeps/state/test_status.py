"""How a sweep stands: the state of every step and cell, from the store alone, with or without its data."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sweeps.cli.status import SIGNS, legend, matrices
from sweeps.plan.saved_plan import load_saved_plan, save_plan
from sweeps.state.selection import Decisions, Stopped
from sweeps.state.status import SweepStatus
from sweeps.state.sweep import Sweep
from tests.sweeps.tracked import commit, opened
from trainables.store import Leases

GRID = {"intermediates": ["none", "gen-nli"], "targets": ["gen-tags", "gen-pairs"], "seeds": [1, 2]}


def xstilts(*words):
    return subprocess.run([sys.executable, "-m", "sweeps.cli.main", *map(str, words)], capture_output=True, text=True)


def find(plan, phase, **tags):
    """The steps of a phase with these tags."""
    wanted = {"phase": phase, **tags}
    return [step for step in plan.steps.values() if wanted.items() <= step.tags.items()]


def cells_of(standing, plan):
    return {
        (cell.intermediate, cell.target, cell.seed): state
        for cell, state in zip(plan.cells, standing.cells, strict=True)
    }


@pytest.fixture
def sweep(sweep_file):
    """Everything before the targets is done, and the cells without intermediate."""
    spec, plan, store = opened(sweep_file(**GRID))
    for step in plan.steps.values():
        if step.tags.get("intermediate") != "gen-nli" or step.tags.get("phase") == "intermediate":
            commit(step, store)
    return spec, plan, store


def test_a_cell_shows_the_worst_that_is_on_its_way(sweep):
    spec, plan, store = sweep
    (first,) = find(plan, "target", intermediate="gen-nli", seed="1")
    (second,) = find(plan, "target", intermediate="gen-nli", seed="2")
    cells = cells_of(SweepStatus(Sweep(spec, plan, store)), plan)
    assert {state for (intermediate, *_), state in cells.items() if intermediate == "none"} == {"done"}
    assert cells["gen-nli", "gen-tags", 1] == cells["gen-nli", "gen-tags", 2] == "to do"
    store.note_failure(first.id, "ValueError: no", 3)
    with Leases(store.files, store.root) as leases:
        assert leases.acquire(second.id)
        standing = SweepStatus(Sweep(spec, plan, store))
        cells = cells_of(standing, plan)
    assert cells["gen-nli", "gen-tags", 1] == "failed"
    assert cells["gen-nli", "gen-tags", 2] == "running"
    assert standing.steps[second.id].problem.startswith("held by process")
    assert legend(standing.cells) == "✗ 1 failed   ▸ 1 running   · 2 to do   ✓ 4 done"
    out = io.StringIO()
    Console(file=out, width=100).print(*matrices(Sweep(spec, plan, store), standing.cells))
    rows = [line.split("│")[1:-1] for line in out.getvalue().splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [["none", "✓✓", "✓✓"], ["gen-nli", "✗▸", "··"]]
    # A driver that is gone holds nothing.
    assert cells_of(SweepStatus(Sweep(spec, plan, store)), plan)["gen-nli", "gen-tags", 2] == "to do"


def test_collapsed_and_stopped_cells_have_signs_of_their_own(sweep, sweep_file):
    _, plan, store = sweep
    spec, plan, store = opened(sweep_file(**GRID, early_stopping={"asha": {"grace": 5}}))
    (first,) = find(plan, "target", intermediate="gen-nli", seed="1")
    Decisions(store, spec.sweep).add(Stopped(first.id, 5, 10, 41.0, 5.0, ((5, 41.0),)))
    (lost,) = find(plan, "target", intermediate="none", seed="1")
    record = store.record(lost.id)
    store.reject(lost.id)
    result = {**record["result"], "collapsed": {"reason": "at chance", "step": 10}}
    made = store.begin(lost.id)
    (made / "model").mkdir()
    store.commit(lost.id, made, {**record, "result": result})
    standing = SweepStatus(Sweep(spec, plan, store))
    cells = cells_of(standing, plan)
    assert cells["gen-nli", "gen-tags", 1] == "stopped"
    assert cells["none", "gen-tags", 1] == "collapsed"
    assert cells["none", "gen-pairs", 1] == "done"
    assert standing.steps[first.id].problem == "stopped at step 5 of 10, dev 41.0"
    assert set(standing.cells) <= set(SIGNS)


def test_a_kept_plan_is_the_plan(sweep):
    spec, plan, store = sweep
    assert load_saved_plan(spec.sweep, store) is None
    save_plan(plan, spec.sweep, store)
    assert load_saved_plan(spec.sweep, store) == plan
    path = Path(store.at("sweeps", spec.sweep, "plan.json"))
    written = path.stat().st_mtime_ns
    save_plan(plan, spec.sweep, store)
    assert path.stat().st_mtime_ns == written
    path.write_text(path.read_text().replace("gen-nli", "gen-qa", 1))
    assert load_saved_plan(spec.sweep, store) is None


def test_status_and_results_need_the_store_alone(sweep_file, tmp_path):
    data = tmp_path / "data"
    for name in ("mnli/train-en", "mnli/dev-en", "xnli/test-en", "xnli/test-de"):
        path = data / "rows" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"id": "1", "text_a": "a", "text_b": "b", "label": "neutral"}) + "\n")
    fields = {"sweep": "mine", "targets": [{"task": "xnli", "languages": ["en", "de"]}]}
    file = sweep_file(**fields, data=str(data))
    spec, plan, store = opened(file)
    save_plan(plan, spec.sweep, store)
    here = xstilts("status", file)
    assert here.returncode == 0, here.stderr
    assert here.stderr == ""
    shutil.rmtree(data)
    elsewhere = xstilts("status", file)
    assert (elsewhere.returncode, elsewhere.stdout) == (0, here.stdout)
    assert "this is the plan of the last run" in elsewhere.stderr
    told = json.loads(xstilts("status", file, "--json").stdout)
    assert [(one["intermediate"], one["target"], one["seed"], one["state"]) for one in told["cells"]] == [
        ("none", "xnli", 1, "to do")
    ]
    assert xstilts("results", file).returncode == 0
    # To carry it out the data is needed.
    assert xstilts("run", file).returncode == 2
