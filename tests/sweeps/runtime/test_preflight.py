"""What stands in the way of a sweep on a cluster, each in one line with its mend."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import sweeps
from cluster.inspect import Node, inspect_cluster
from sweeps.cost.memory import PlanMemory
from sweeps.plan.planner import make_plan
from sweeps.plan.requirements import draft_of
from sweeps.runtime.preflight import GIB, PACKAGES, fits, memory, problems, prompts, room
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.spec.reading import read_spec
from trainables.models.backbones.xlm_roberta import XLMR_LARGE
from trainables.steps.run import carry_out
from trainables.store import Store

pytestmark = pytest.mark.ray

HERE = Node("here", "3.11.9", {"torch": "2.13.0", "ray": "2.60.0"}, "abc", (), 64 * GIB, (True, True), (), None)


@pytest.fixture
def schedule(sweep_file):
    file = sweep_file()
    spec = read_spec(file)
    return Schedule(make_plan(spec, str(file)), set(), [NodeShape(2, 0)]), Store(spec.storage)


def test_steps_too_large_for_the_cluster_are_named(schedule):
    schedule, _ = schedule
    assert fits(schedule, [NodeShape(1)]) == []
    (line,) = fits(schedule, [NodeShape(0.5)])
    assert "wants 1 CPUs, the cluster has 0.5: lower execution.workers, execution.cpus_per_worker" in line
    (line,) = fits(schedule, [NodeShape(0.5)] * 8)
    assert "wants 1 CPUs on one node, the largest has 0.5 CPUs: lower execution.cpus_per_worker, or" in line


def test_disk_is_estimated_for_the_largest_step(schedule):
    schedule, _ = schedule
    steps = [schedule.plan.steps[name] for name in schedule.waiting]
    trainings = [step for step in steps if step.kind.group == "train"]
    large = {step.id: XLMR_LARGE for step in trainings}
    checkpoints = len(trainings) * 4 * XLMR_LARGE.parameters
    states = 2 * 2 * 16 * XLMR_LARGE.parameters  # two at once, the old one and the new one
    assert room(steps, large, checkpoints + states, "/store", [NodeShape(2)]) == []
    (line,) = room(steps, large, checkpoints + states - 1, "/store", [NodeShape(2)])
    assert line.startswith("/store: ")
    assert f"{checkpoints / GIB:.1f} for checkpoints" in line


def test_memory_is_estimated_for_the_largest_step():
    file = Path(sweeps.__file__).parent / "paper.yaml"
    plan = draft_of(read_spec(file), file)
    held = PlanMemory(plan)

    def lines(*gpus, main=64 * GIB, **execution):
        there = replace(HERE, gpus=gpus, memory=main)
        given = {"gpus_per_worker": 1.0, **execution}
        steps = [replace(s, execution=s.execution.model_copy(update=given)) for s in plan.steps.values()]
        return memory(steps, held, [there])

    t4, h100 = ("Tesla T4", 15 * GIB), ("H100", 80 * GIB)
    assert lines() == lines(h100, workers=1) == []
    (line,) = lines(t4, h100, workers=1)
    assert re.search(r": a worker holds about \d\d\.\d GiB, Tesla T4 has 15\.0: raise execution\.zero_stage or", line)
    assert lines(t4, zero_stage=3, workers=8, micro_batch_tokens=1024) == []
    (line,) = lines(h100, workers=1, gpus_per_worker=0.1)
    assert "its share of 0.1 of H100 has 8.0" in line
    (line,) = lines(main=4 * GIB, gpus_per_worker=0.0)
    assert "here has 4.0" in line


def test_this_machine_can_carry_out_the_tiny_sweep(local_ray, schedule):
    schedule, store = schedule
    assert problems(schedule, store, local_ray) == []
    assert not list(store.files.list(store.root))  # no probe is left


def test_a_licence_that_was_not_accepted_is_said_before_anything_runs(local_ray, sweep_file, hub):
    hub.files["owner/gated"] = {"config.json": b"{}"}
    hub.pin("owner/gated", "main", hub.commit)
    hub.gated.add("owner/gated")
    file = sweep_file(models={"m": {"start": "owner/gated", "revision": hub.commit}})
    spec = read_spec(file)
    schedule = Schedule(make_plan(spec, str(file)), set(), local_ray)
    lines = [one for one in problems(schedule, Store(spec.storage), local_ray) if "owner/gated" in one]
    assert len(lines) == 1
    assert "accept its licence at https://huggingface.co/owner/gated, then" in lines[0]
    assert len(lines[0]) <= 300


def test_a_storage_that_nodes_do_not_share_is_found(local_ray, tmp_path):
    from sweeps.runtime.preflight import _probe

    assert "another folder here" in _probe(str(tmp_path / "elsewhere"), "token")
    nodes, silent = inspect_cluster(["/nowhere"], PACKAGES, lambda: _probe(str(tmp_path / "elsewhere"), "token"), bool)
    assert silent == []
    assert [node.missing for node in nodes] == [("/nowhere",)]
    assert "must be a file system that every node shares" in nodes[0].storage


def test_shots_that_do_not_fit_are_said_before_anything_trains(sweep_file, host, tmp_path):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    tokenizer = {"corpora": ["gen-text"], "vocab_size": 500}
    decoder = {"architecture": {"model_type": "llama", "max_position_embeddings": 600, **sizes}, "tokenizer": tokenizer}
    targets = ["gen-choice@few", {"task": "gen-choice@few-tuned", "train_on": "gen-choice@few-tuned"}]
    ways = {"few": {"shots": 6}, "few-tuned": {"shots": 6, "normalise": "bytes"}}
    found = {}
    for length in (64, 500):
        training = {"all": {"steps": 3, "batch_size": 8, "learning_rate": 1e-3, "max_length": length}}
        file = sweep_file(models={"dec": decoder}, targets=targets, likelihood=ways, training=training)
        spec = read_spec(file)
        plan, store = make_plan(spec, str(file)), Store(str(tmp_path / str(length)))
        steps = list(plan.steps.values())
        assert prompts(steps, store) == []  # there is no tokenizer yet
        (first,) = [step for step in steps if step.kind.name == "tokenizer"]
        carry_out(first.recipe, first.execution, store, host())
        found[length] = prompts(steps, store)
    assert found[500] == []
    for line in found[64]:
        assert re.search(
            r'row ".*": with 6 shots it has \d+ subwords, and max_length is 64; \d fit: give shots: \d', line
        )
        assert len(line) <= 300
    # Of both targets the same rows are evaluated behind the same shots, by one step.
    assert [line.partition(":")[0] for line in found[64]] == [
        "data gen-choice@few test",
        "data gen-choice@few-tuned train",
    ]
