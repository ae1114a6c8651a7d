"""A second node on this machine (a raylet and an object store of its own): steps span both, and losing it loses nothing
that is finished."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from ray._private.node import Node
from ray._private.parameter import RayParams
from ray.util.state import list_actors
from rich.console import Console

from cluster.local.janitor import MARK
from sweeps.cli.live import TerminalDisplay
from sweeps.runtime.preflight import problems
from sweeps.runtime.run import run_plan
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import load
from sweeps.tracking import Tracker
from trainables.store import MODEL, Store

pytestmark = pytest.mark.ray

CPUS = 2


class SecondNode:
    """A raylet beside the local Ray's own; `lose` kills it, as a machine that is gone."""

    def __init__(self):
        context = ray.get_runtime_context()
        before = {node["NodeID"] for node in ray.nodes()}
        ray_params = RayParams(
            gcs_address=context.gcs_address,
            node_ip_address="127.0.0.1",
            num_cpus=CPUS,
            object_store_memory=100_000_000,
            temp_dir=os.environ[MARK],
        )
        self._node = Node(ray_params, head=False, shutdown_at_exit=False, spawn_reaper=False)
        self.lost = False
        self._await(lambda: {node["NodeID"] for node in ray.nodes() if node["Alive"]} - before)
        (self.id,) = {node["NodeID"] for node in ray.nodes()} - before

    def drain(self):
        """Say that it is about to be taken away, as whoever rents it out would."""
        address = ray.get_runtime_context().gcs_address
        why = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "a test"]
        words = ["drain-node", "--address", address, "--node-id", self.id, "--deadline-remaining-seconds", "300", *why]
        told = subprocess.run([Path(sys.executable).parent / "ray", *words], capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr

    def lose(self):
        self._node.kill_all_processes(check_alive=False, allow_graceful=False)
        self.lost = True
        self._await(lambda: self.id not in {node["NodeID"] for node in ray.nodes() if node["Alive"]})

    def _await(self, holds):
        until = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.fixture
def second(local_ray):
    node = SecondNode()
    nodes = [node]
    yield nodes
    for one in nodes:
        if not one.lost:
            one.lose()


def spanning(tiny, **execution):
    """A sweep whose training is carried out by two workers, one on each node."""
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    return {
        "models": {"small": model},
        "targets": [{"task": "gen-tags", "languages": ["one", "two"]}],
        "training": {"all": {**tiny["training"]["all"], "steps": 100, "evaluate_every": 50}},
        "execution": {"workers": 2, "cpus_per_worker": CPUS, "log_every": 5, "state_every": 10, **execution},
    }


def training_workers():
    """The nodes of the workers of the training that runs."""
    address = ray.get_runtime_context().gcs_address
    filters = [("state", "=", "ALIVE"), ("class_name", "=", "RayTrainWorker")]
    return {worker.node_id for worker in list_actors(address=address, filters=filters, detail=True)}


def same_losses(store, undisturbed, training):
    ours, theirs = (dict(one.record(training)["result"]["losses"]) for one in (store, undisturbed))
    common = sorted(set(ours) & set(theirs))
    assert len(common) >= 10
    assert [ours[at] for at in common] == pytest.approx([theirs[at] for at in common], abs=2e-5)


def test_a_step_spans_two_nodes_and_goes_on_when_one_was_lost(second, tiny, sweep_file, here, tmp_path):
    fields = spanning(tiny, retries=5)
    file = sweep_file(**fields)
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    plan, store = sweep.plan, sweep.store
    everything = Schedule(plan, set(), [NodeShape(2 + CPUS, 0)])
    assert problems(everything, store, [NodeShape(2), NodeShape(CPUS)]) == []
    training = next(step.id for step in plan.steps.values() if step.kind.group == "train")
    seen: dict[str, object] = {}

    def lose_one():
        while not (Path(store.root) / "states" / training / "state.json").exists():
            time.sleep(0.05)
        seen["nodes"] = training_workers()
        seen["finished"] = {step: store.record(step)["finished_at"] for step in plan.steps if store.done(step)}
        second[-1].lose()
        second.append(SecondNode())

    trouble = threading.Thread(target=lose_one)
    trouble.start()
    with (tmp_path / "log").open("w") as log, Tracker(sweep) as tracker:
        schedule = run_plan(sweep, tracker, TerminalDisplay(Console(file=log, width=200)), None, None)
    trouble.join()
    said = (tmp_path / "log").read_text()
    assert schedule.done == set(plan.steps), said
    assert len(seen["nodes"]) == 2
    assert "to be tried again" in said
    assert {step: store.record(step)["finished_at"] for step in seen["finished"]} == seen["finished"]
    alone = tmp_path / "alone"
    alone.mkdir()
    _, _, undisturbed = here({**tiny, **fields, "execution": {"log_every": 5}}, alone)
    same_losses(store, undisturbed, training)


def test_a_step_goes_on_with_what_is_left_when_its_node_is_drained(second, tiny, sweep_file, here, tmp_path):
    """From the state of that moment, with the numbers of an undisturbed run, and without a retry that counts. What
    drives it is on the node that is safe: the local Ray's own."""
    first_node, fields = ray.get_runtime_context().get_node_id(), spanning(tiny, retries=0, state_every=100_000)
    fields["training"]["all"]["evaluate_every"] = 5
    file = sweep_file(**fields)
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    training = next(step.id for step in sweep.plan.steps.values() if step.kind.group == "train")
    weights = Path(sweep.store.root) / "steps" / training / MODEL / "model.safetensors"
    seen: dict[str, object] = {}

    def drain_one():
        while not weights.exists():  # of the first evaluation
            time.sleep(0.05)
        seen["workers"] = training_workers()
        address = ray.get_runtime_context().gcs_address
        actors = list_actors(address=address, filters=[("state", "=", "ALIVE")], detail=True)
        drivers = [actor for actor in actors if actor.class_name in ("ControlActor", "TrainController", "ImplicitFunc")]
        seen["drivers"] = {actor.class_name: actor.node_id for actor in drivers}
        second[0].drain()

    notice = threading.Thread(target=drain_one)
    notice.start()
    with (tmp_path / "log").open("w") as out, Tracker(sweep) as tracker:
        schedule = run_plan(sweep, tracker, TerminalDisplay(Console(file=out, width=200)), None, None, preflight=False)
    notice.join()
    said = (tmp_path / "log").read_text()
    assert schedule.done == set(sweep.plan.steps), said
    assert len(seen["workers"]) == 2
    assert set(seen["drivers"].values()) == {first_node}, seen
    assert f"its node {second[0].id[:8]} is being taken away" in said
    assert "to be tried again" not in said
    first, then = sweep.store.record(training)["result"]["layouts"]
    assert (first["workers"], then["workers"]) == (2, 1)
    assert first["from"] == 0 < first["to"] == then["from"] < then["to"] == 100
    alone = tmp_path / "alone"
    alone.mkdir()
    _, _, undisturbed = here({**tiny, **fields, "execution": {"log_every": 5}}, alone)
    same_losses(sweep.store, undisturbed, training)
