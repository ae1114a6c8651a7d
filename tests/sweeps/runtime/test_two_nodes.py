"""A second node on this machine (a raylet and an object store of its own): steps span both, and losing it loses nothing
that is finished."""

from __future__ import annotations

import os
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
from trainables.store import Store

pytestmark = pytest.mark.ray

CPUS = 2


class SecondNode:
    """A raylet beside the local Ray's own; `lose` kills it, as a machine that is gone."""

    def __init__(self):
        context = ray.get_runtime_context()
        ray_params = RayParams(
            gcs_address=context.gcs_address,
            node_ip_address="127.0.0.1",
            num_cpus=CPUS,
            object_store_memory=100_000_000,
            temp_dir=os.environ[MARK],
        )
        self._node = Node(ray_params, head=False, shutdown_at_exit=False, spawn_reaper=False)
        self.lost = False
        self._await(lambda: ray.cluster_resources().get("CPU", 0) == 2 + CPUS)

    def lose(self):
        self._node.kill_all_processes(check_alive=False, allow_graceful=False)
        self.lost = True
        self._await(lambda: ray.cluster_resources().get("CPU", 0) == 2)

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
    if not nodes[-1].lost:
        nodes[-1].lose()


def test_a_step_spans_two_nodes_and_goes_on_when_one_was_lost(second, tiny, sweep_file, here, tmp_path):
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    fields = {
        "models": {"small": model},
        "targets": [{"task": "gen-tags", "languages": ["one", "two"]}],
        "training": {"all": {**tiny["training"]["all"], "steps": 100, "evaluate_every": 50}},
        "execution": {"workers": 2, "cpus_per_worker": CPUS, "log_every": 5, "state_every": 10, "retries": 5},
    }
    file = sweep_file(**fields)
    spec = read_spec(file)
    sweep = load(spec, file, Store(spec.storage))
    plan, store = sweep.plan, sweep.store
    everything = Schedule(plan, set(), [NodeShape(2 + CPUS, 0)])
    assert problems(everything, store, [NodeShape(2), NodeShape(CPUS)]) == []
    training = next(step.id for step in plan.steps.values() if step.kind.group == "train")
    seen: dict[str, object] = {}

    address = ray.get_runtime_context().gcs_address

    def lose_one():
        while not (Path(store.root) / "states" / training / "state.json").exists():
            time.sleep(0.05)
        workers = list_actors(
            address=address, filters=[("state", "=", "ALIVE"), ("class_name", "=", "RayTrainWorker")], detail=True
        )
        seen["nodes"] = {worker.node_id for worker in workers}
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
    ours, theirs = (dict(one.record(training)["result"]["losses"]) for one in (store, undisturbed))
    common = sorted(set(ours) & set(theirs))
    assert len(common) >= 10
    assert [ours[at] for at in common] == pytest.approx([theirs[at] for at in common], abs=2e-5)
