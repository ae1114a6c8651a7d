"""What a plug-in adds goes all the way, and no file of the packages knows it: a task type, kinds of steps."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest
from mlflow import MlflowClient
from rich.console import Console
from typer.testing import CliRunner

from sweeps.cli.live import TerminalDisplay
from sweeps.cli.main import app
from sweeps.results.results import Results
from sweeps.runtime.run import run_plan
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.sweep import load
from sweeps.tracking import Tracker
from trainables.store import Store

TYPE, KIND = "tests.plugins.toy_task_type", "tests.plugins.toy_step_kind"
SHORT = {"all": {"steps": 3, "evaluate_every": 3, "batch_size": 16, "max_length": 32, "learning_rate": 1e-2}}


@pytest.fixture
def rows(tmp_path):
    """A data folder with rows of one's own for the toy task."""
    folder = tmp_path / "data" / "rows" / "toy-words"
    folder.mkdir(parents=True)
    rng = random.Random(1)
    for split, language, count in (("train", "en", 40), ("dev", "en", 16), ("test", "en", 16), ("test", "de", 16)):
        sentences = [
            " ".join(rng.choices(["ada", "ebe", "odo", "unu", "iri"], k=rng.randint(1, 6))) for _ in range(count)
        ]
        lines = [{"id": str(i), "sentence": one, "count": str(len(one.split()))} for i, one in enumerate(sentences)]
        (folder / f"{split}-{language}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder.parents[1]


@pytest.fixture
def model(tiny):
    return {"small": {name: value for name, value in tiny["models"]["small"].items() if name != "pretrain"}}


def xstilts(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def carry_out(file):
    """On the local Ray; the sweep, its schedule, and what MLflow has of each step by name."""
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    with Tracker(sweep) as tracker:
        schedule = run_plan(sweep, tracker, TerminalDisplay(Console(quiet=True)), None, None)
        assert tracker.close("FINISHED", patience=120)
        runs = {step.name: tracker.run_of(step) for step in sweep.plan.steps.values()}
    client = MlflowClient(tracker.uri)
    return sweep, schedule, {name: client.get_run(run) for name, run in runs.items()}


def test_a_task_type_goes_from_the_sweep_file_to_the_report(local_ray, sweep_file, model, rows, tmp_path):
    file = sweep_file(plugins=[TYPE], models=model, targets=["toy-words"], data=str(rows), training=SHORT)
    checked = xstilts("data", "check", file)
    assert checked.exit_code == 0, checked.output
    assert "toy-words" in checked.stdout
    planned = xstilts("plan", file, "--cpus", "2", "--json")
    assert planned.exit_code == 0, planned.output
    assert all(step["cost"]["seconds"] > 0 for step in json.loads(planned.stdout)["steps"])
    sweep, schedule, runs = carry_out(file)
    assert schedule.done == set(sweep.plan.steps)
    numbers = {(n.language, n.metric): n.value for n in Results(sweep).numbers()}
    assert set(numbers) == {("en", "accuracy"), ("de", "accuracy")}
    assert (
        runs["evaluate none -> toy-words · seed 1"].data.metrics["toy-words/de/accuracy"] == numbers["de", "accuracy"]
    )
    shown = xstilts("results", file)
    assert "toy-words" in shown.stdout
    reported = xstilts("report", file, "--to", tmp_path / "report")
    assert reported.exit_code == 0, reported.output
    assert "toy-words" in (tmp_path / "report" / "report.html").read_text()
    (training,) = [step.id for step in sweep.plan.steps.values() if step.phase == "target"]
    exported = xstilts("export", file, "--to", tmp_path / "model", "--step", training)
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_a_kind_of_step_is_planned_priced_run_and_shown_and_another_reads_its_result(local_ray, sweep_file, model):
    fields = {"models": model, "targets": ["gen-tags"], "training": SHORT}
    file = sweep_file(plugins=[KIND], steps={"toy-compare": {"task": "gen-tags"}}, **fields)
    plain = {
        step["key"]
        for step in json.loads(xstilts("plan", sweep_file("plain.yaml", **fields), "--json").stdout)["steps"]
    }
    planned = json.loads(xstilts("plan", file, "--cpus", "2", "--json").stdout)
    added = [step for step in planned["steps"] if step["key"] not in plain]
    assert [step["name"] for step in added] == [
        "words of gen-tags train", "words of gen-tags test", "words of gen-tags compared"
    ]  # fmt: skip
    assert added[2]["needs"] == [added[0]["key"], added[1]["key"]]
    assert all(step["cost"]["seconds"] > 0 for step in added)
    assert "3 analyse" in xstilts("plan", file).stdout
    sweep, schedule, runs = carry_out(file)
    assert schedule.done == set(sweep.plan.steps)
    compared = sweep.store.record(added[2]["key"])["result"]
    assert 0 < compared["share"] <= 1
    assert runs["words of gen-tags compared"].data.metrics["share"] == pytest.approx(compared["share"])
    assert runs["words of gen-tags train"].inputs.dataset_inputs
    assert "analyse   3 of 3 done" in xstilts("status", file).stdout


def test_a_kind_says_what_is_wrong_with_its_options(sweep_file, model):
    for options, said in (({}, "give task"), ({"task": "gen-qa"}, 'no step of this sweep reads "gen-qa"')):
        file = sweep_file(plugins=[KIND], models=model, targets=["gen-tags"], steps={"toy-compare": options})
        planned = xstilts("plan", file)
        assert planned.exit_code == 2
        assert "steps.toy-compare: " in planned.output
        assert said in " ".join(planned.output.split())
    planned = xstilts("plan", sweep_file(plugins=[KIND], models=model, steps={"toy-compere": {}}))
    assert 'did you mean "toy-compare"?' in " ".join(planned.output.split())


def test_a_plugin_that_cannot_be_imported_is_one_line(sweep_file, tmp_path, monkeypatch):
    (tmp_path / "broken_plugin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, why in (("no_such_plugin", "ModuleNotFoundError"), ("broken_plugin", "ZeroDivisionError")):
        with pytest.raises(WrongSpec) as told:
            read_spec(sweep_file(plugins=[name]))
        (line,) = told.value.lines
        assert line.startswith(str(tmp_path / "sweep.yaml") + ": plugins[0]: the plug-in " + name)
        assert why in line


def test_a_step_of_a_plugin_is_carried_out_in_a_plain_process(sweep_file, model, tmp_path):
    fields = {"models": model, "targets": ["gen-tags"], "training": SHORT}
    file = sweep_file(plugins=[KIND], steps={"toy-compare": {"task": "gen-tags"}}, **fields)
    assert xstilts("plan", file, "--recipes", tmp_path / "recipes").exit_code == 0
    planned = json.loads(xstilts("plan", file, "--json").stdout)["steps"]
    by_name = {step["name"]: step["key"] for step in planned}
    for name in ("tokenizer", "data gen-tags train", "words of gen-tags train"):
        recipe = tmp_path / "recipes" / f"{by_name[name]}.json"
        words = [recipe, "--store", tmp_path / "store", "--execution", recipe.with_suffix(".execution.json")]
        done = subprocess.run(
            [sys.executable, "-m", "trainables", *map(str, words)], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "is done" in done.stdout
