"""Executions that are chosen: what the file gives stays, memory is enough, and no plain choice would end sooner."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

import sweeps
from sweeps.cost.flops import estimate, priced
from sweeps.cost.memory import PlanMemory
from sweeps.cost.throughput import throughput_on
from sweeps.plan.requirements import draft_of
from sweeps.schedule.auto import choose_for, slowest
from sweeps.schedule.candidates import CHOSEN
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.reasons import reasons
from sweeps.schedule.simulate import simulate
from sweeps.spec.reading import read_spec
from trainables.store import Store

FOLDER = Path(sweeps.__file__).parent
GIB = 2**30


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store"))


def draft(study, *overrides):
    file = FOLDER / study
    return draft_of(read_spec(file, list(overrides), data_here=False), file)


def execution(step):
    return {name: getattr(step.execution, name) for name in CHOSEN}


@pytest.mark.parametrize("nodes", [[NodeShape(inf, 4)], [NodeShape(64, 8)] * 8, [NodeShape(64, 8), NodeShape(16, 1)]])
@pytest.mark.parametrize("study", ["paper.yaml", "xtreme-r.yaml"])
def test_no_execution_that_is_the_same_for_all_steps_and_fits_ends_sooner(study, nodes, store):
    plan = draft(study)
    chosen, _ = choose_for(plan, store, set(), nodes)
    found = simulate(chosen.plan, set(), nodes).seconds
    estimated, memory = estimate(plan, throughput_on("A100")), PlanMemory(plan)
    compared = 0
    for workers, gpus in ((1, 0.25), (1, 0.5), (1, 1), (2, 1), (4, 1)):
        same = {"workers": workers, "gpus_per_worker": gpus, "micro_batch_tokens": 16384}
        steps = {
            name: priced(
                replace(step, execution=step.execution.model_copy(update=same)),
                estimated.works[name],
                estimated.throughput,
            )
            for name, step in plan.steps.items()
        }
        if any(memory.bytes(step) > 80 * GIB * gpus for step in steps.values() if step.kind.uses_gpu):
            continue
        compared += 1
        assert found <= 1.01 * simulate(replace(plan, steps=steps), set(), nodes).seconds
    assert compared >= 3


def test_it_is_chosen_once_and_for_all_and_within_memory(store):
    nodes = [NodeShape(64, 8)] * 4
    (first, made), (second, _) = (choose_for(draft("paper.yaml"), store, set(), nodes) for _ in range(2))
    assert [execution(s) for s in first.plan.steps.values()] == [execution(s) for s in second.plan.steps.values()]
    assert len(made) == len(first.plan.steps)
    for one in made:
        assert one.fits
        assert not 0 < one.step.execution.gpus_per_worker < 1 or one.step.execution.workers == 1
    # Trainings of small batches wait for kernels to be started, and share GPUs; those of large ones have several.
    assert {s.execution.gpus_per_worker for s in first.plan.steps.values() if s.kind.group == "train"} & {0.25, 0.5}
    large, _ = choose_for(draft("paper.yaml", "training.all.batch_size=1024"), store, set(), nodes)
    assert max(step.execution.workers for step in large.plan.steps.values()) > 1


def test_what_the_file_gives_stays(store):
    given = "execution={gpus_per_worker: 1, train: {workers: 2, zero_stage: 1}, evaluate: {micro_batch_tokens: 96}}"
    chosen, made = choose_for(draft("paper.yaml", given), store, set(), [NodeShape(inf, 16)])
    of_kind = {}
    for step in chosen.plan.steps.values():
        of_kind.setdefault(step.kind.group, []).append(step.execution)
    assert {(one.workers, one.zero_stage, one.gpus_per_worker) for one in of_kind["train"]} == {(2, 1, 1)}
    assert {(one.micro_batch_tokens, one.gpus_per_worker) for one in of_kind["evaluate"]} == {(96, 1)}
    assert {one.micro_batch_tokens for one in of_kind["train"]} != {8192}
    lines = reasons(made)
    assert any("(from the file: workers, gpus_per_worker, zero_stage)" in line for line in lines)


def test_what_is_done_is_left_as_it_is(store):
    plan = draft("paper.yaml")
    done = set(list(plan.steps)[:40])
    chosen, made = choose_for(plan, store, done, [NodeShape(inf, 8)])
    assert {one.step.id for one in made} == set(plan.steps) - done
    assert all(chosen.plan.steps[name].execution is plan.steps[name].execution for name in done)


def test_on_two_cores_steps_of_a_small_model_run_two_at_once(store):
    chosen, made = choose_for(draft("demo.yaml"), store, set(), [NodeShape(2, memory=8 * GIB)])
    assert {(s.execution.workers, s.execution.cpus_per_worker) for s in chosen.plan.steps.values()} == {(1, 1)}
    assert "4 intermediate trainings of small: 1 worker with 1 CPU, stage 0, micro-batch 8,192: " in "\n".join(
        reasons(made)
    )


LARGE = (
    "models={large: {architecture: {hidden_size: 4096, num_hidden_layers: 48, num_attention_heads: 32,"
    " intermediate_size: 16384, max_position_embeddings: 514}, tokenizer: {corpora: [gen-text], vocab_size: 600}}}"
)


def test_a_model_that_one_gpu_cannot_hold_is_divided_and_one_that_nothing_can_is_said(store):
    chosen, made = choose_for(draft("demo.yaml", LARGE), store, set(), [NodeShape(64, 8)] * 2, "A100")
    trained = [step for step in chosen.plan.steps.values() if step.kind.group == "train"]
    assert {step.execution.zero_stage for step in trained} <= {2, 3}
    assert min(step.execution.workers for step in trained) > 1
    assert all(one.fits for one in made)
    _, made = choose_for(draft("demo.yaml", LARGE), store, set(), [NodeShape(2, memory=8 * GIB)])
    assert any(line.endswith("too much; nothing else that is left open takes less") for line in reasons(made))


def test_cpus_are_given_where_a_large_model_needs_their_part_of_the_memory(store):
    wide = [NodeShape(32, memory=64 * GIB)]
    chosen, made = choose_for(draft("paper.yaml", "seeds=[1]"), store, set(), wide)
    assert all(one.fits for one in made)
    assert min(s.execution.cpus_per_worker for s in chosen.plan.steps.values() if s.kind.group == "train") >= 4


def test_the_slowest_gpu_of_a_mixed_cluster_counts():
    assert slowest([NodeShape(8, 1, gpu_type="H100"), NodeShape(8, 1, gpu_type="A10G"), NodeShape(8)]) == "H100"
    assert slowest([NodeShape(8, 1, gpu_type="NVIDIA-H100"), NodeShape(8, 1, gpu_type="L4")]) == "L4"
    assert slowest([NodeShape(8, 1)]) == "A100"
