"""Steps that cannot be placed, and steps that hang: with a real control actor, and a clock of our own."""

from __future__ import annotations

import time

import pytest
import ray

from sweeps.plan.graph import Plan, Role, Step
from sweeps.runtime.control import start_control
from sweeps.runtime.watchdog import EVERY, STARTING, UNPLACED, Watchdog, missing
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import TaskSpec


def test_what_is_missing_is_named():
    plenty = {"CPU": 8.0, "GPU": 4.0}
    assert missing((9, 0), plenty, plenty) == "waits for 9 CPUs, the cluster has 8: a node may be lost"
    assert missing((1, 1), {"CPU": 8.0}, {"CPU": 8.0}) == "waits for 1 GPU, the cluster has 0: a node may be lost"
    held = {"CPU": 8.0, "GPU": 0.5}
    assert missing((1, 1), plenty, held) == "waits for 1 GPU, of 4 in the cluster 0.5 are free: other jobs hold them"
    assert missing((1, 1), plenty, plenty) == STARTING


@pytest.fixture
def watched(local_ray):
    tokenizer = HubModel(hub="a", revision="r")
    task = TaskSpec(name="a", version=1, type="tagging", source="folder")
    recipe = DataRecipe(task=task, rows=(), tokenizer=tokenizer, max_length=8)
    step = Step(recipe, (Role("target", "a"),), Execution(cpus_per_worker=64, stall_minutes=1 / 60))
    schedule = Schedule(Plan({step.id: step}, (), 0), set(), [NodeShape(64, 0)])
    now, said = [0.0], []
    _, control = start_control()
    watchdog = Watchdog(schedule, control, lambda name, what: said.append((name, what)), clock=lambda: now[0])
    yield watchdog, control, step.id, now, said
    ray.kill(control)


def look(watchdog, now, seconds):
    """Look until the control actor has answered, `seconds` later."""
    now[0] += seconds
    before = watchdog._looked
    while watchdog._looked == before:
        watchdog.check()
        time.sleep(0.01)


def test_a_step_without_a_worker_is_spoken_of_once(watched):
    watchdog, _, step, now, said = watched
    watchdog.started(step)
    look(watchdog, now, EVERY)
    assert said == []
    look(watchdog, now, UNPLACED)
    look(watchdog, now, UNPLACED)
    assert said == [(step, "waits for 64 CPUs, the cluster has 2: a node may be lost")]


def test_a_worker_that_gives_no_sign_is_killed_and_one_that_does_is_left_alone(watched):
    watchdog, control, step, now, said = watched

    @ray.remote(num_cpus=0)
    class Worker:
        def train(self, control, step):
            ray.get(control.register.remote(step, "series", [ray.get_runtime_context().current_actor], "node"))
            time.sleep(600)

    worker = Worker.remote()
    training = worker.train.remote(control, step)
    watchdog.started(step)
    while step not in ray.get(control.heartbeats.remote()):
        time.sleep(0.05)
    ray.get(control.stop_reason.remote(step))  # a sign
    look(watchdog, now, EVERY)
    assert said == []
    time.sleep(1.1)
    look(watchdog, now, EVERY)
    assert len(said) == 1
    assert "its workers are killed" in said[0][1]
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(training, timeout=60)
