"""What stays in a store and what goes: weights by `keep`, remains of attempts; nothing that someone needs still."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.garbage import collect, readable
from sweeps.state.inspection import inspect_steps, reject
from sweeps.state.sweep import Sweep
from tests.faults import disk  # noqa: F401  registers disk://
from trainables.models.loading import load_backbone
from trainables.models.unreadable import WrongWeights
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.steps.run import carry_out
from trainables.store import MODEL, Leases, Store
from trainables.store.sealed_json import seal

QUICK = {"beat": 0.02, "ttl": 0.2}


@pytest.fixture(scope="module")
def whole(here, tiny, tmp_path_factory):
    """A sweep with an intermediate and two seeds, all done, with weights that differ between seeds."""
    training = {"all": {"steps": 4, "evaluate_every": 2, "max_length": 64, "batch_size": 16, "learning_rate": 2e-3}}
    fields = {**tiny, "intermediates": ["none", "gen-nli"], "seeds": [1, 2], "training": training}
    fields["targets"] = ["gen-tags", "gen-pairs"]
    return fields, here(fields, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def sweep(whole, tmp_path):
    """A copy of it to destroy: writes spec and plan anew, with some fields replaced."""
    fields, (_, _, store) = whole
    shutil.copytree(store.root, tmp_path / "store")

    def write(**more):
        import yaml

        file = tmp_path / "sweep.yaml"
        file.write_text(yaml.safe_dump({**fields, **more, "storage": str(tmp_path / "store")}))
        spec = read_spec(file)
        return spec, make_plan(spec, str(file)), Store(spec.storage)

    return write


def with_weights(plan, store):
    return {
        name for name, step in plan.steps.items() if step.kind.group == "train" and (store.path(name) / MODEL).is_dir()
    }


def of_phase(plan, *phases):
    return {name for name, step in plan.steps.items() if step.tags.get("phase") in phases}


def free(spec, plan, store, dry_run=False):
    with Leases(store.files, store.root, **QUICK) as leases:
        return collect(Sweep(spec, plan, store), leases, dry_run)


@pytest.mark.deepspeed
def test_all_weights_stay_unless_the_sweep_file_says_otherwise(sweep):
    spec, plan, store = sweep()
    assert with_weights(plan, store) == of_phase(plan, "pretrain", "intermediate", "target")
    assert free(spec, plan, store).freed == []
    with pytest.raises(WrongSpec, match="keep"):
        sweep(keep="some")


def test_intermediates_stay_and_what_nothing_starts_from_goes(sweep):
    spec, plan, store = sweep(keep="intermediates")
    would = free(spec, plan, store, dry_run=True)
    assert with_weights(plan, store) == of_phase(plan, "pretrain", "intermediate", "target")
    before = {path: path.stat().st_size for path in Path(store.root).rglob("*") if path.is_file()}
    found = free(spec, plan, store)
    assert found.freed == would.freed
    assert with_weights(plan, store) == of_phase(plan, "pretrain", "intermediate")
    gone = [path for path in before if not path.exists()]
    assert {path.relative_to(store.root).parts[1] for path in gone} == of_phase(plan, "target")
    assert {path.relative_to(store.root).parts[2] for path in gone} == {"model", "head.safetensors"}
    assert found.size == sum(before[path] for path in gone)
    assert str(found) == f"{readable(found.size)} (4 × weights that no step needs any more)"
    assert free(spec, plan, store).freed == []


def test_of_each_target_the_best_on_dev_rows_stays(sweep):
    spec, plan, store = sweep(keep="best")
    values = {name: store.record(name)["result"]["best"]["value"] for name in of_phase(plan, "target")}
    loser = max(values, key=values.get)
    record = store.record(loser)
    record["result"]["best"]["value"] = max(values.values()) + 1.0
    store.files.write(store.at("steps", loser, "record.json"), seal(record))
    free(spec, plan, store)
    assert with_weights(plan, store) == of_phase(plan, "pretrain") | {loser}


@pytest.mark.deepspeed
def test_a_step_without_weights_is_done_until_they_are_needed_and_then_made_again_to_the_bit(sweep, host):
    spec, plan, store = sweep(keep="intermediates")
    trained = sorted(of_phase(plan, "target"))
    before = {name: load_file(store.path(name) / MODEL / "model.safetensors") for name in trained}
    free(spec, plan, store)
    assert inspect_steps(Sweep(spec, plan, store)).done == set(plan.steps)
    assert all(store.weights_dropped(name) for name in trained)
    with pytest.raises(WrongWeights, match=r"its weights were dropped \(`keep` in the sweep file\)"):
        load_backbone(CheckpointRef(step=trained[0]), store, Execution())
    # One evaluation is lost: the checkpoint that it is of must come back, and no other.
    lost = next(step for step in plan.steps.values() if step.kind.group == "evaluate" and trained[0] in step.needs)
    shutil.rmtree(store.path(lost.id))
    found = inspect_steps(Sweep(spec, plan, store))
    assert set(plan.steps) - found.done == {lost.id, trained[0]}
    assert "its weights were dropped, and evaluate" in found.rejected[trained[0]]
    with Leases(store.files, store.root, **QUICK) as leases:
        reject(found.rejected, store, leases)
    for name in (trained[0], lost.id):
        carry_out(plan.steps[name].recipe, plan.steps[name].execution, store, host())
    after = load_file(store.path(trained[0]) / MODEL / "model.safetensors")
    assert all(torch.equal(after[key], before[trained[0]][key]) for key in after)
    assert inspect_steps(Sweep(spec, plan, store)).done == set(plan.steps)


def test_weights_that_are_needed_again_bring_back_those_that_they_start_from(sweep):
    spec, plan, store = sweep(keep="best")
    free(spec, plan, store)
    lost = [
        step for step in plan.steps.values() if step.kind.group == "evaluate" and step.tags["intermediate"] == "gen-nli"
    ]
    bare = {name for name in of_phase(plan, "intermediate", "target") if store.weights_dropped(name)}
    for step in lost:
        store.reject(step.id)
    again = set(plan.steps) - inspect_steps(Sweep(spec, plan, store)).done
    chains = {need for step in lost for need in step.needs} & bare
    chains |= {need for name in chains for need in plan.steps[name].needs} & bare
    assert again == {step.id for step in lost} | chains
    assert again & of_phase(plan, "intermediate")


def test_what_an_unfinished_step_starts_from_stays(sweep):
    spec, plan, store = sweep(keep="best")
    target = sorted(of_phase(plan, "target"))[0]
    evaluation = next(step for step in plan.steps.values() if step.kind.group == "evaluate" and target in step.needs)
    store.reject(evaluation.id)
    intermediate = sorted(of_phase(plan, "intermediate"))[0]
    child = next(step for step in plan.steps.values() if step.kind.group == "train" and intermediate in step.needs)
    store.reject(child.id)
    free(spec, plan, store)
    assert {target, intermediate} - {child.id} <= with_weights_or_none(plan, store)


def with_weights_or_none(plan, store):
    return {name for name in plan.steps if (Path(store.root) / "steps" / name / MODEL).is_dir()}


def test_while_another_driver_lives_weights_stay_and_its_steps_are_left_alone(sweep):
    spec, plan, store = sweep(keep="best")
    (Path(store.root) / "steps" / "train-theirs" / "model").mkdir(parents=True)
    (Path(store.root) / "steps" / "train-left" / "model").mkdir(parents=True)
    with Leases(store.files, store.root, **QUICK) as other:
        assert other.acquire("train-theirs")
        found = free(spec, plan, store)
        assert found.notes == [f"weights stay while other drivers are at work on this store: {other.owner}"]
        assert [Path(one.path).name for one in found.freed] == ["train-left"]
        assert (Path(store.root) / "steps" / "train-theirs").is_dir()
    assert with_weights(plan, store) == of_phase(plan, "pretrain", "intermediate", "target")


def test_remains_of_every_kind_go_and_the_rest_stays(sweep):
    spec, plan, store = sweep()
    root = Path(store.root)
    done = sorted(plan.steps)[0]

    def files():
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def put(path, text="12345"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    with Leases(store.files, store.root) as one:  # as a driver that was killed leaves it
        assert one.acquire("train-cut-0")
        owner = json.loads((root / "owners" / f"{one.owner}.json").read_text())
        dead = {**owner, "pid": ended.pid, "start": 1}
    # Another sweep's: a step that is done, and one that is paused.
    made = store.begin("train-other")
    (made / "file").write_text("x")
    store.commit("train-other", made, {"result": {}})
    put("states/train-paused/step-5/shard")
    store.complete_state("train-paused", "step-5", {})
    kept = files()
    put("steps/train-cut-0/model/weights")
    put("states/train-cut-1/step-3/shard")
    put("states/train-paused/step-9/shard")
    put(f"states/{done}/step-3/shard")
    put(f"steps/{done}/record.json.partial")
    put(f"failures/{done}.json")
    put("owners/dead.json", json.dumps(dead))
    put("leases/train-cut-0.1", "dead")
    put(f".probe-{owner['machine']}-{ended.pid}-1")
    put("ray/sweep/trial/file")
    put("failures/train-waiting.json")
    kept.add("failures/train-waiting.json")
    would = free(spec, plan, store, dry_run=True)
    assert kept < files()
    found = free(spec, plan, store)
    assert sorted(one.path for one in found.freed) == sorted(one.path for one in would.freed)
    assert files() == kept
    assert len(found.freed) == 10
    assert not (root / "steps" / "train-cut-0").exists()
    assert free(spec, plan, store).freed == []


def test_a_live_process_keeps_what_it_writes_in_the_cache(tmp_path, monkeypatch):
    from trainables.store import clear
    from trainables.store.local import scratch_dir

    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    store = Store(str(tmp_path / "store"))
    mine = scratch_dir("step")
    script = "from trainables.store.local import scratch_dir; print(scratch_dir('step'))"
    theirs = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    with Leases(store.files, store.root, **QUICK) as leases:
        freed = clear(store, leases)
    assert [one.path for one in freed] == [theirs.stdout.strip()]
    assert mine.is_dir()
    assert not Path(theirs.stdout.strip()).exists()


def test_copies_of_a_remote_store_go_when_no_step_needs_them(sweep, tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    spec, plan, store = sweep()
    remote = Store(f"disk://{store.root}")
    steps = sorted(plan.steps)[:3]
    for name in steps:
        assert Store(remote.uri).path(name).parent == tmp_path / "cache"
    found = free(spec, plan, remote)
    assert len(found.freed) == 3
    assert [path for path in (tmp_path / "cache").rglob("*") if path.name != "locks"] == []
    assert inspect_steps(Sweep(spec, plan, remote)).done == set(plan.steps)


def test_the_command_says_what_it_frees(sweep):
    def xstilts(*words):
        done = subprocess.run([sys.executable, "-m", "sweeps.cli.main", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    _, plan, store = sweep(keep="intermediates")
    file = str(Path(store.root).parent / "sweep.yaml")
    would = xstilts("gc", file, "--dry-run")
    assert "would free" in would
    assert would.count("weights that no step needs any more") == 5
    assert with_weights(plan, store) == of_phase(plan, "pretrain", "intermediate", "target")
    assert xstilts("gc", file).replace("freed", "would free") == would
    assert xstilts("gc", file) == "freed nothing\n"
    os.truncate(Path(store.root) / "steps" / sorted(of_phase(plan, "intermediate"))[0] / "record.json", 10)
    store.reject(next(name for name in plan.steps if name.startswith("evaluate")))
    store.note_failure(next(name for name in plan.steps if name.startswith("evaluate")), "ValueError: no", 3)
    shown = xstilts("status", file)
    assert "not readable as JSON" in shown
    assert "failed" in shown
    assert "ValueError: no" in shown
