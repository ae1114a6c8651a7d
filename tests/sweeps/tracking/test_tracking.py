"""What MLflow is told, checked against a real SQLite store and a real server."""

from __future__ import annotations

import json
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from mlflow import MlflowClient
from transformers import AutoModel

from sweeps.cli.finalize import results_folder, write_results
from sweeps.results.results import Results
from sweeps.schedule.states import StepState
from sweeps.state.selection import champions
from sweeps.state.sweep import Sweep
from sweeps.tracking import PARENT, STEP, Tracker
from sweeps.tracking.sender import PATIENCE_HANGING
from tests.sweeps.tracked import LOSSES, carry_out, commit, dump, opened, report
from trainables.steps.run import carry_out as carry_out_here

LONG = 120.0
DRIVER = (sys.executable, "-m", "tests.sweeps.tracked")


@contextmanager
def away(server):
    """The server is killed for the time of the block."""
    server.kill()
    yield
    server.start()


def check_everything(spec, plan, store):
    """MLflow has every step of the plan once, finished, with every number once."""
    client = MlflowClient(spec.tracking_uri)
    experiment = client.get_experiment_by_name("xstilts").experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`xstilts.store` = '{store.uri}'")
    assert parent.info.status == "FINISHED"
    children = client.search_runs([experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'")
    assert Counter(run.data.tags[STEP] for run in children) == Counter(list(plan.steps))
    for run in children:
        step = plan.steps[run.data.tags[STEP]]
        assert run.info.status == "FINISHED", step.name
        assert run.data.tags["state"] == "done"
        for name in run.data.metrics:
            points = client.get_metric_history(run.info.run_id, name)
            assert len(points) == len({one.step for one in points}), (step.name, name, points)
        if step.kind.group == "train":
            loss = client.get_metric_history(run.info.run_id, "loss")
            assert [(one.step, one.value) for one in loss] == LOSSES
            assert [one.step for one in client.get_metric_history(run.info.run_id, "dev_f1")] == [5, 10]
            assert len(client.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'")) == 1
            assert len(run.outputs.model_outputs) == 1
        if step.kind.group == "evaluate":
            scores = [name for name in run.data.metrics if name.startswith(f"{step.recipe.task.name}/")]
            assert len(scores) >= len(step.recipe.languages)
            names = {one.path for one in client.list_artifacts(run.info.run_id, "predictions")}
            assert names == {f"predictions/{language}.jsonl" for language in step.recipe.languages}
    return children


# --- what is told --------------------------------------------------------------------------------------------


def test_names_of_tasks_metrics_and_folders_become_names_that_mlflow_takes(sweep_file, tmp_path):
    storage = str(tmp_path / """it's "mine" 100%""")
    intermediate = {"name": "both", "tasks": ["gen-nli", "gen-tags"]}
    spec, plan, store = opened(sweep_file(intermediates=[intermediate], targets=["gen-ask"], storage=storage))
    step = next(step for step in plan.steps.values() if step.name.startswith("both"))
    dev = {"anli+/accuracy": 50.0, "mnli@sw/map@20": 25.0, "x" * 300: 1.0}
    told = report(5).model_copy(update={"dev": dev})
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.progress(step, told)
        assert tracker.wait(LONG)
        metrics = MlflowClient(spec.tracking_uri).get_run(tracker.run_of(step)).data.metrics
    assert metrics["dev_anli_/accuracy"] == 50.0
    assert metrics["dev_mnli_sw/map_20"] == 25.0
    assert [len(name) for name in metrics if name.startswith("dev_xx")] == [250]


def test_a_collapsed_training_is_tagged_and_needs_no_best_checkpoint(sweep_file):
    spec, plan, store = opened(sweep_file(targets=["gen-nli"]))
    step = next(
        step for step in plan.steps.values() if step.tags.get("target") == "gen-nli" and step.kind.group == "train"
    )
    result = {
        "losses": [[1, 1.1]],
        "dev": [],
        "best": None,
        "collapsed": {"reason": "its loss is no number", "step": 2},
    }
    recipe = {"recipe": step.recipe.model_dump(mode="json"), "fingerprint": step.recipe.fingerprint}
    store.commit(step.id, store.begin(step.id), {"seconds": 1.0, "result": result, **recipe})
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.finish(step, StepState.DONE)
        assert tracker.wait(LONG)
        run = MlflowClient(spec.tracking_uri).get_run(tracker.run_of(step))
    assert run.data.tags["collapsed"] == "its loss is no number"
    assert run.data.tags["state"] == "collapsed"
    assert run.data.metrics["loss"] == 1.1
    assert run.info.status == "FINISHED"


def test_every_run_is_closed_with_what_became_of_its_step(sweep_file):
    spec, plan, store = opened(sweep_file())
    done, failed, asked, lost, *_ = plan.steps.values()
    with Tracker(Sweep(spec, plan, store)) as tracker:  # left without a word, as an error leaves it
        carry_out(done, tracker, store)
        tracker.begin(failed)
        tracker.finish(failed, StepState.FAILED, "x" * 9000)
        tracker.begin(asked)
        tracker.finish(asked, StepState.PAUSED)
        tracker.begin(lost)
    client = MlflowClient(spec.tracking_uri)
    runs = [client.get_run(tracker.run_of(step)) for step in (done, failed, asked, lost)]
    assert [(run.info.status, run.data.tags["state"]) for run in runs] == [
        ("FINISHED", "done"),
        ("FAILED", "failed"),
        ("KILLED", "stopped"),
        ("KILLED", "stopped"),
    ]
    assert client.get_run(tracker.parent).info.status == "FAILED"
    error = runs[1].data.tags["error"]
    assert len(error) == 8000
    assert error.endswith("(cut: 9000 characters)")
    # Done at last, by another: its run goes on, and says nothing of the failure.
    commit(failed, store)
    with Tracker(Sweep(spec, plan, store)) as again:
        again.open()
        assert again.close("KILLED", LONG)
    run = client.get_run(tracker.run_of(failed))
    assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "done")
    assert "error" not in run.data.tags
    assert again.parent == tracker.parent


def test_a_word_that_mlflow_does_not_take_is_left_out_alone(sweep_file):
    spec, plan, store = opened(sweep_file())
    first, second, *_ = plan.steps.values()
    lines = []
    with Tracker(Sweep(spec, plan, store), lines.append) as tracker:
        tracker.begin(first)
        tracker.finish(first, StepState.DONE)  # of which the store knows nothing
        carry_out(second, tracker, store)
        assert tracker.close("FINISHED", LONG)
    assert len(lines) == 1
    assert first.id in lines[0]
    assert MlflowClient(spec.tracking_uri).get_run(tracker.run_of(second)).info.status == "FINISHED"


@pytest.mark.deepspeed
def test_a_lost_mlflow_is_made_again_from_the_store(sweep_file, host, tmp_path):
    file = sweep_file(seeds=[1, 2, 3])
    spec, plan, store = opened(file)
    train, stopped, failed = (step for step in plan.steps.values() if step.tags.get("phase") == "target")
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.open()
        for step in plan.steps.values():
            if {stopped.id, failed.id} & set(step.needs):
                continue
            tracker.begin(step)
            if step is failed:
                store.note_failure(step.id, "ValueError: no", 3)
                tracker.finish(step, StepState.FAILED, "ValueError: no")
                continue
            heard = host(stop_after=5 if step is stopped else None)
            carry_out_here(step.recipe, step.execution, store, heard)
            for one in heard.reports:
                tracker.progress(step, one)
            tracker.finish(step, StepState.PAUSED if step is stopped else StepState.DONE)
        found = Results(Sweep(spec, plan, store))
        write_results(found, results_folder(Sweep(spec, plan, store)))
        tracker.table(results_folder(Sweep(spec, plan, store)), found.means())
        tracker.champions(champions(plan, store))
        assert tracker.close("KILLED", LONG)
    original = dump(spec, store)
    assert len(original) == len(plan.steps) + 2 - 2  # sweep and champions; two evaluations have not begun
    assert original["champions"] == {
        "tiny.gen-tags": {
            "xstilts.sweep": "tiny",
            "xstilts.step": train.id,
            "path": f"{store.uri}/steps/{train.id}/model",
        }
    }
    assert AutoModel.from_pretrained(original["champions"]["tiny.gen-tags"]["path"]).config.hidden_size == 32
    assert len(original[stopped.id]["metrics"]["dev_f1"]) == 1
    assert original[stopped.id]["data"] == original[train.id]["data"]
    assert (original[failed.id]["status"], original[failed.id]["tags"]["error"]) == ("FAILED", "ValueError: no")
    train = original[train.id]
    (trained_on,), scores = train["data"], train["scores of the model"]
    assert trained_on[0] == "gen-tags train dev"
    revisions = json.loads(trained_on[2])["revisions"]
    assert revisions == dict.fromkeys(("train-one", "dev-one"), revisions["train-one"])
    assert "gen-tags/two/f1" in {one[0] for one in scores}
    assert {one[2] for one in scores} == {"gen-tags test", "gen-tags train dev"}
    assert {one[0] for one in scores if one[2] == "gen-tags train dev"} == {
        *("best_step", *(f"best_{metric}" for metric in ("f1", "precision", "recall", "accuracy")))
    }
    curves = {name for name, points in train["metrics"].items() if len(points) == 2}
    assert {"learning_rate", "tokens_per_second", "dev_value", "dev_f1"} <= curves
    # However long the run, few names: the UI slows down with thousands.
    assert set(train["metrics"]) == {
        *("loss", "seconds", "learning_rate", "tokens_per_second", "dev_value", "best_step"),
        *(f"{of}_{metric}" for of in ("dev", "best") for metric in ("f1", "precision", "recall", "accuracy")),
    }
    evaluation = original[next(cell.evaluation for cell in plan.cells if cell.target == "gen-tags")]
    assert len(evaluation["metrics"]) == 3 + 4 + 1  # of three languages the F1, of the means all four, and the seconds
    # Once into a new MLflow, once more into the one that has everything.
    for tracking in (f"sqlite:///{tmp_path / 'new.db'}", spec.tracking_uri):
        command = ["track", str(file), "--rebuild", "-o", f"tracking={tracking}"]
        told = subprocess.run([sys.executable, "-m", "sweeps.cli.main", *command], capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr
        made_again = dump(spec.model_copy(update={"tracking": tracking}), store)
        assert made_again == original


# --- a server that goes, and drivers that die ----------------------------------------------------------------


def test_a_server_that_is_killed_in_the_middle_gets_everything_once(sweep_file, server):
    spec, plan, store = opened(sweep_file(tracking=server.url))
    lines = []
    steps = list(plan.steps.values())
    half = len(steps) // 2
    with Tracker(Sweep(spec, plan, store), lines.append) as tracker:
        tracker.open()
        for step in steps[:half]:
            carry_out(step, tracker, store)
        training = next(step for step in steps[half:] if step.kind.group == "train")
        tracker.begin(training)
        tracker.progress(training, report(5))
        # While it is being told.
        with away(server):
            tracker.progress(training, report(10, begin=5))
            commit(training, store)
            tracker.finish(training, StepState.DONE)
            for step in steps[half:]:
                if step is not training:
                    carry_out(step, tracker, store)
            assert not tracker.wait(3.0)
        assert tracker.close("FINISHED", LONG)
    check_everything(spec, plan, store)
    assert ["does not answer" in line for line in lines] == [True, False]
    assert not list(tracker.folder.iterdir())


@pytest.mark.faults
def test_a_run_that_never_met_its_server_is_told_by_the_next(sweep_file, server):
    file = sweep_file(tracking=server.url)
    spec, plan, store = opened(file)
    lines = []
    with away(server):
        with Tracker(Sweep(spec, plan, store), lines.append) as tracker:
            tracker.open()
            for step in plan.steps.values():
                carry_out(step, tracker, store)
            began = time.monotonic()
            assert not tracker.close("FINISHED", 3.0)
            assert time.monotonic() - began < 10
        assert tracker.parent is None
        assert "wait" in lines[-1]
        unlocked(tracker.folder)
    told = subprocess.run([sys.executable, "-m", "sweeps.cli.main", "track", str(file)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    check_everything(spec, plan, store)
    assert not list(tracker.folder.iterdir())


def unlocked(folder):
    """Wait until the thread of a closed tracker has given its journal back."""
    from sweeps.tracking.journal import left_behind

    for _ in range(300):
        left, held = left_behind(folder)
        for journal in left:
            journal.close(delete=False)
        if not held:
            return
        time.sleep(0.1)
    raise AssertionError(held)


@pytest.mark.faults
def test_a_driver_killed_while_it_sends_is_replayed_by_the_next(sweep_file, server):
    file = sweep_file(tracking=server.url)
    spec, plan, store = opened(file)
    client = MlflowClient(server.url)
    # Killed before it has sent anything, somewhere in the middle, and again.
    for seconds in (0.0, 2.0):
        child = subprocess.Popen([*DRIVER, str(file)], stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            if line == "all\n":
                break
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    found = client.get_experiment_by_name("xstilts")
    if found is not None:
        states = Counter(run.info.status for run in client.search_runs([found.experiment_id]))
        print("left by the killed drivers:", states)
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.open()
        assert tracker.close("FINISHED", LONG)
    check_everything(spec, plan, store)
    assert not list(tracker.folder.iterdir())


def test_runs_that_a_killed_driver_left_open_are_closed(sweep_file):
    file = sweep_file()
    spec, plan, store = opened(file)
    assert subprocess.run([*DRIVER, str(file), "2"]).returncode == -9
    first, second, *_ = plan.steps.values()
    store.note_failure(second.id, "no rows", 2)
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.open()
        assert tracker.close("KILLED", LONG)
    client = MlflowClient(spec.tracking_uri)
    runs = [client.get_run(tracker.run_of(step)) for step in (first, second)]
    assert [run.info.status for run in runs] == ["KILLED", "FAILED"]
    assert runs[1].data.tags["error"] == "no rows"


def test_an_event_costs_the_driver_no_time_while_a_server_hangs(sweep_file):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)  # the kernel accepts, nobody answers
        spec, plan, store = opened(sweep_file(tracking=f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        step = next(step for step in plan.steps.values() if step.kind.group == "train")
        with Tracker(Sweep(spec, plan, store), lambda line: None) as tracker:
            tracker.begin(step)
            spent = []
            for _ in range(500):
                began = time.perf_counter()
                tracker.progress(step, report(10))
                spent.append(time.perf_counter() - began)
                time.sleep(0.002)
            began = time.monotonic()
            assert not tracker.close("KILLED", 2.0)
            assert time.monotonic() - began < 2 + PATIENCE_HANGING + 3
        assert statistics.median(spent) < 0.001
        assert statistics.quantiles(spent, n=20)[-1] < 0.01
        print(
            f"median {1e6 * statistics.median(spent):.0f} us, 95 % {1e6 * statistics.quantiles(spent, n=20)[-1]:.0f} us"
        )


def test_a_full_disk_costs_words_and_no_more(sweep_file):
    spec, plan, store = opened(sweep_file())
    step = next(iter(plan.steps.values()))
    with Tracker(Sweep(spec, plan, store)) as tracker:
        tracker.begin(step)
        assert tracker.wait(LONG)
        kept = tracker._journal._file
        with open("/dev/full", "wb", buffering=0) as full:  # the kernel's own full disk
            tracker._journal._file = full
            tracker.finish(step, StepState.FAILED, "said into nothing")
        tracker._journal._file = kept
        tracker.finish(step, StepState.PAUSED)
        assert tracker.close("KILLED", LONG)
    run = MlflowClient(spec.tracking_uri).get_run(tracker.run_of(step))
    assert run.info.status == "KILLED"
    assert tracker._journal.lost == 1
