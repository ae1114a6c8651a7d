"""A real sweep on the local Ray: store, MLflow, running again, a step that fails, the same in a plain process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from mlflow import MlflowClient
from rich.console import Console
from safetensors.torch import load_file

from sweeps.cli.live import TerminalDisplay
from sweeps.results.results import Results
from sweeps.results.tables import table_of
from sweeps.runtime.run import run_plan
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep, load
from sweeps.tracking import Tracker
from trainables.steps.run import carry_out as carry_out_here
from trainables.store import HEAD, MODEL, Store
from trainables.store.logs import logs_of


def carry_out(file, *overrides):
    spec = read_spec(file, list(overrides))
    sweep = load(spec, file, Store(spec.storage))
    tracker = Tracker(sweep)
    schedule = run_plan(sweep, tracker, TerminalDisplay(Console(quiet=True)), None, None)
    assert tracker.close("FINISHED", patience=120)
    return *sweep, tracker, schedule


@pytest.fixture(scope="module")
def swept(local_ray, tiny, tmp_path_factory):
    """The tiny sweep, carried out once for the tests of this module."""
    folder = tmp_path_factory.mktemp("sweep")
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({**tiny, "storage": str(folder / "store")}))
    return file, *carry_out(file)


def test_every_step_is_done_and_every_number_is_there(swept):
    _, spec, plan, store, _, schedule = swept
    assert schedule.done == set(plan.steps)
    assert not schedule.failed
    numbers = Results(Sweep(spec, plan, store)).numbers()
    keys = {(n.target, n.language, n.metric) for n in numbers}
    of_tags = ("f1", "precision", "recall", "accuracy")
    tags = {("gen-tags", language, m) for language in ("one", "two", "zero") for m in of_tags}
    pairs = {("gen-pairs", language, "accuracy") for language in ("two", "three", "four", "five", "zero")}
    assert keys == tags | pairs
    assert all(0 <= number.value <= 100 for number in numbers)


def test_the_store_keeps_what_a_step_was_made_of(swept):
    _, _, plan, store, _, _ = swept
    for step in plan.steps.values():
        record = store.record(step.id)
        assert record["recipe"] == step.recipe.model_dump(mode="json")
        assert record["fingerprint"] == step.recipe.fingerprint
        assert record["environment"]["packages"]["torch"]


def test_the_checkpoint_loads_with_transformers_alone(swept):
    from transformers import AutoModel, AutoTokenizer

    _, _, plan, store, _, _ = swept
    step = next(s for s in plan.steps.values() if s.tags.get("phase") == "target")
    folder = store.path(step.id) / MODEL
    model, info = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert model.config.vocab_size == len(AutoTokenizer.from_pretrained(folder))


def test_mlflow_has_a_run_for_the_sweep_and_one_for_each_step(swept):
    _, spec, plan, store, tracker, _ = swept
    client = MlflowClient(spec.tracking_uri)
    runs = client.search_runs([tracker.experiment], max_results=1000)
    children = {r.data.tags["xstilts.step"]: r for r in runs if r.data.tags.get("mlflow.parentRunId") == tracker.parent}
    assert set(children) == set(plan.steps)
    assert all(run.info.status == "FINISHED" for run in children.values())
    train = next(s for s in plan.steps.values() if s.tags.get("phase") == "target")
    run = children[train.id]
    assert {"phase", "model", "intermediate", "target", "seed", "fingerprint"} <= set(run.data.tags)
    assert run.data.params["recipe.optimisation.learning_rate"] == "0.001"
    assert run.data.params["execution.workers"] == "1"
    curve = client.get_metric_history(run.info.run_id, "loss")
    assert [(p.step, p.value) for p in curve] == [tuple(p) for p in store.record(train.id)["result"]["losses"]]
    assert [p.step for p in client.get_metric_history(run.info.run_id, "dev_f1")] == [5, 10]
    (model,) = client.search_logged_models([tracker.experiment], f"source_run_id = '{run.info.run_id}'")
    assert model.tags["path"] == store.locate(train.id, MODEL)
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    evaluation = next(s for s in plan.steps.values() if s.kind.group == "evaluate" and s.tags["target"] == "gen-tags")
    run = children[evaluation.id]
    scores = store.record(evaluation.id)["result"]["metrics"]
    assert run.data.metrics["gen-tags/two/f1"] == scores["two"]["f1"]
    assert run.data.metrics["gen-tags/zero-shot/f1"] == pytest.approx((scores["two"]["f1"] + scores["zero"]["f1"]) / 2)
    names = [a.path for a in client.list_artifacts(run.info.run_id, "predictions")]
    assert names == ["predictions/one.jsonl", "predictions/two.jsonl", "predictions/zero.jsonl"]


def test_the_pretrained_model_is_exported_for_transformers(swept, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    file, _, plan, store, _, _ = swept
    done = xstilts("export", file, "--to", tmp_path / "model", "--half")
    assert done.returncode == 0, done.stderr
    last = [step.id for step in plan.steps.values() if step.tags.get("phase") == "pretrain"][-1]
    whole = load_file(store.path(last) / MODEL / "model.safetensors")
    halved = load_file(tmp_path / "model" / "model.safetensors")
    assert {str(weight.dtype) for weight in halved.values()} == {"torch.float16"}
    assert all(torch.equal(whole[name].half(), halved[name]) for name in whole)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "model")) == 500
    assert AutoModel.from_pretrained(tmp_path / "model").config.num_hidden_layers == 2
    assert xstilts("export", file, "--to", tmp_path / "no", "--step", "nothing").returncode == 2


def test_text_is_cleared_of_evaluation_sentences(swept):
    _, _, plan, store, _, _ = swept
    counts = [store.record(step.id)["result"] for step in plan.steps.values() if step.name == "data gen-text train"]
    # Of the two data steps one names what it is cleared of, and rows are counted before and after.
    assert len(counts) == 2
    assert all(part["excluded"] >= 0 for one in counts for part in one.values())


def test_running_again_trains_nothing_and_adds_no_run(swept):
    file, spec, plan, store, tracker, _ = swept
    before = {step: store.record(step)["finished_at"] for step in plan.steps}
    _, _, _, again, schedule = carry_out(file)
    assert schedule.done == set(plan.steps)
    assert {step: store.record(step)["finished_at"] for step in plan.steps} == before
    assert again.parent == tracker.parent
    assert len(MlflowClient(spec.tracking_uri).search_runs([tracker.experiment])) == len(plan.steps) + 1


def test_one_more_intermediate_runs_only_its_own_steps_on_two_workers(swept):
    file, _, plan, store, _, _ = swept
    before = {step: store.record(step)["finished_at"] for step in plan.steps}
    _, wider, _, _, schedule = carry_out(file, 'intermediates=["none","gen-nli"]', "execution.workers=2")
    assert schedule.done == set(wider.steps)
    assert {step: store.record(step)["finished_at"] for step in plan.steps} == before
    new = [step for step in wider.steps.values() if step.id not in plan.steps]
    assert {step.tags.get("intermediate", "gen-nli") for step in new} == {"gen-nli"}
    assert {store.record(s.id)["execution"]["workers"] for s in new if s.kind.group == "train"} == {2}


def test_a_plain_process_gives_the_same_numbers(swept, tmp_path):
    _, _, plan, store, _, _ = swept
    step = next(s for s in plan.steps.values() if s.tags.get("phase") == "target")
    shutil.copytree(store.root, tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "steps" / step.id)
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(step.recipe.model_dump(mode="json")))
    execution = tmp_path / "execution.json"
    execution.write_text(json.dumps(step.execution.model_dump(mode="json")))
    command = [sys.executable, "-m", "trainables", str(recipe), "--store", str(tmp_path / "store")]
    done = subprocess.run([*command, "--execution", str(execution)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    plain = Store(str(tmp_path / "store"))
    curves = [dict(one.record(step.id)["result"]["losses"]) for one in (plain, store)]
    assert curves[0] == pytest.approx(curves[1])
    for name in (f"{MODEL}/model.safetensors", HEAD):
        a, b = load_file(plain.path(step.id) / name), load_file(store.path(step.id) / name)
        assert max(float((a[key] - b[key]).abs().max()) for key in a) < 1e-6


def test_a_failed_step_blocks_only_what_depends_on_it(local_ray, tiny, sweep_file, tmp_path):
    # The test rows of one of two targets have a tag that there is not.
    rows = tmp_path / "data" / "udpos"
    rows.mkdir(parents=True)
    for split, tag in (("train", "NOUN"), ("dev", "NOUN"), ("test", "THING")):
        (rows / f"{split}-en.tsv").write_text("".join(f"the\tDET\nthing{i}\t{tag}\n\n" for i in range(8)))
    file = sweep_file(
        models={"small": {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}},
        targets=[{"task": "udpos", "languages": ["en"]}, "gen-pairs"],
        data=str(tmp_path / "data"),
        training={"all": {"steps": 4, "evaluate_every": 2, "max_length": 64}},
    )
    _, plan, store, tracker, schedule = carry_out(file)
    assert {plan.steps[name].name for name in schedule.failed} == {"data udpos test"}
    assert {plan.steps[name].name for name in schedule.blocked} == {"evaluate none -> udpos · seed 1"}
    (failed,) = schedule.failed
    run = MlflowClient(tracker.uri).search_runs([tracker.experiment], f"tags.`xstilts.step` = '{failed}'")[0]
    assert run.info.status == "FAILED"
    assert 'the tag is "THING"; expected one of' in run.data.tags["error"]
    # All that it printed, its traceback at the end, is where the error says.
    folder = Path(run.data.tags["error"].rpartition("all that it printed: ")[2])
    assert folder == logs_of(store) / failed
    text = (folder / "0.log").read_text()
    assert "Traceback" in text
    assert 'the tag is "THING"; expected one of' in text
    assert all(store.done(name) for name in set(plan.steps) - schedule.failed - schedule.blocked)


def test_a_hopeless_training_is_stopped_by_a_selection_and_carried_on_by_a_study(
    local_ray, tiny, sweep_file, tmp_path, host
):
    # Of two learning rates one learns nothing. With two CPUs each they run one after the other.
    file = sweep_file(
        models={"small": {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}},
        targets=[{"task": "gen-tags", "languages": ["one", "two"]}],
        training={
            "all": {"steps": 30, "evaluate_every": 10, "batch_size": 16, "max_length": 64},
            "gen-tags": {"learning_rate": [4e-3, 1e-12]},
        },
        early_stopping={"asha": {"grace": 10, "reduction": 2}},
        execution={"cpus_per_worker": 2, "log_every": 2},
    )
    spec, plan, store, tracker, schedule = carry_out(file)
    good, hopeless = plan.cells[0].variants
    assert not schedule.failed
    assert schedule.stopped == {hopeless.training, hopeless.evaluation}
    assert not store.done(hopeless.training)
    assert store.paused(hopeless.training)
    run = MlflowClient(tracker.uri).search_runs([tracker.experiment], f"tags.`xstilts.step` = '{hopeless.training}'")[0]
    assert run.info.status == "KILLED"
    assert run.data.tags["stopped"].startswith("stopped at step ")
    assert len(MlflowClient(tracker.uri).get_metric_history(run.info.run_id, "dev_f1")) >= 1
    states = {step["key"]: step["state"] for step in json.loads(xstilts("status", file, "--json").stdout)["steps"]}
    assert states[hopeless.training] == "stopped"
    results = Results(Sweep(spec, plan, store))
    assert {number.setting for number in results.numbers()} == {good.setting}
    assert "a selection, not a study" in table_of(results, "small", "zero-shot").title
    # What is stopped stays stopped, and needs no Ray to know it.
    *_, again = carry_out(file)
    assert again.stopped == schedule.stopped
    assert not again.waiting
    # A study takes up where it was stopped.
    before = store.load_state(hopeless.training)[0]["step"]
    assert 10 <= before < 30
    _, _, _, _, study = carry_out(file, "early_stopping={}")
    assert study.done == set(plan.steps)
    results = Results(Sweep(spec, plan, store))
    assert "selection" not in table_of(results, "small", "zero-shot").title
    shutil.copytree(store.root, tmp_path / "undisturbed")
    undisturbed = Store(str(tmp_path / "undisturbed"))
    undisturbed.reject(hopeless.training)
    step = plan.steps[hopeless.training]
    carry_out_here(step.recipe, step.execution, undisturbed, host())
    a, b = (one.record(hopeless.training)["result"] for one in (undisturbed, store))
    assert dict(b["losses"]) == pytest.approx(dict(a["losses"]), abs=1e-5)
    assert b["dev"] == a["dev"]


def xstilts(*words):
    return subprocess.run([sys.executable, "-m", "sweeps.cli.main", *map(str, words)], capture_output=True, text=True)


def test_json_for_programs(swept):
    file, spec, plan, store, _, _ = swept
    planned = json.loads(xstilts("plan", file, "--json").stdout)
    assert planned["unshared_train_steps"] == plan.unshared_train_steps
    assert [step["key"] for step in planned["steps"]] == list(plan.steps)
    keys = {"key", "kind", "name", "needs", "done", "cost", "execution"}
    assert all(set(step) == keys for step in planned["steps"])
    assert all(step["done"] for step in planned["steps"])
    status = json.loads(xstilts("status", file, "--json").stdout)
    assert {step["state"] for step in status["steps"]} == {"done"}
    numbers = json.loads(xstilts("results", file, "--json").stdout)
    keys = {"model", "intermediate", "target", "language", "metric", "seed", "value", "collapsed", "setting"}
    assert all(set(number) == keys for number in numbers)
    assert len(numbers) == len(Results(Sweep(spec, plan, store)).numbers())


def test_the_tables_say_what_they_are(swept):
    file = swept[0]
    text = " ".join(xstilts("results", file).stdout.split())
    assert "zero-shot, mean over the languages that were not trained on" in text
    assert "checkpoints are selected on dev rows of the training language only" in text
    assert "one seed: no spread" in text
    both = xstilts("results", file, "--average", "xtreme")
    assert "as XTREME has it" in " ".join(both.stdout.split())
    assert xstilts("results", file, "--average", "mean").returncode == 2


def test_a_sweep_that_is_done_runs_without_ray(swept):
    done = xstilts("run", swept[0])
    assert done.returncode == 0, done.stderr
    assert "are done, nothing to train" in done.stdout
    assert "xstilts ui" in done.stdout


def test_a_step_too_large_for_the_cluster_is_said_at_once(local_ray, sweep_file):
    from sweeps.runtime.run import NotReady

    with pytest.raises(NotReady, match=r"wants 3 CPUs, the cluster has 2: lower execution\.workers"):
        carry_out(sweep_file(), "execution.workers=3")
