"""The estimate of memory: held against what training really allocates, and told for the steps of a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import sweeps
from sweeps.cost.memory import PlanMemory
from sweeps.plan.requirements import draft_of
from sweeps.spec.reading import read_spec
from tests.benchmarks.memory import Case, estimated, measured
from trainables.recipe.execution import Execution, Offload
from trainables.training.weights_memory import Held, between_updates, gradients_at_the_end

MiB, GiB = 2**20, 2**30
SMALL = Case(layers=4, hidden=128, inner=512, heads=4)
WIDE = Case(layers=4, hidden=384, inner=1536, heads=12)
"""Whose matrices are worth files of their own."""
CASES = {
    "one worker": replace(SMALL, rows=8, longest=64),
    "long rows whose attention drops, padded": replace(SMALL, rows=4, longest=256, shortest=0.3),
    "attention that drops nothing": replace(SMALL, rows=4, longest=256, attention_dropout=0.0),
    "stage 1 of 2": replace(SMALL, rows=4, longest=16, stage=1, workers=2),
    "stage 2 of 8, in micro-batches": replace(SMALL, rows=32, longest=16, stage=2, workers=8, micro_batch_tokens=32),
    "stage 3 of 2": replace(SMALL, rows=4, longest=16, stage=3, workers=2),
    "distances in the scores": replace(SMALL, layers=2, rows=2, longest=64, model_type="deberta-v2"),
    "biased scores": replace(SMALL, layers=2, rows=4, longest=64, shortest=0.5, model_type="mt5"),
    "masked LM": replace(SMALL, rows=8, longest=64, type="masked-lm"),
    "a decoder": replace(SMALL, rows=8, longest=64, model_type="llama"),
    "blocks recomputed": replace(SMALL, rows=16, longest=64, checkpoint=True),
    "a decoder whose blocks are recomputed": replace(SMALL, rows=16, longest=128, model_type="llama", checkpoint=True),
    "in bf16, recomputed": replace(SMALL, rows=16, longest=64, precision="bf16", checkpoint=True),
    "stage 2 of 8, the optimiser offloaded": replace(
        SMALL, rows=8, longest=16, stage=2, workers=8, offload="optimizer"
    ),
    "stage 3 of 2, all offloaded": replace(
        SMALL, rows=4, longest=16, stage=3, workers=2, offload="optimizer parameters"
    ),
    "stage 2 of 8, the optimiser on a disk": replace(
        WIDE, rows=8, longest=16, stage=2, workers=8, offload="optimizer", disk=True
    ),
    "stage 3 of 2, all on a disk": replace(
        WIDE, rows=4, longest=16, stage=3, workers=2, offload="optimizer parameters", disk=True
    ),
}


@pytest.mark.deepspeed
def test_the_estimate_is_within_15_per_cent_of_what_is_allocated():
    ratios = {}
    for (name, case), found in zip(CASES.items(), measured(list(CASES.values())), strict=True):
        ratios[name] = round(estimated(case, found["rows"]).total / found["peak"], 3)
    assert all(0.85 <= ratio <= 1.15 for ratio in ratios.values()), ratios


LLAMA = {"7b": 6_738_415_616, "13b": 13_015_864_320, "30b": 32_528_943_616}
"""Parameters, as the weights that are published have them."""


@pytest.mark.deepspeed
@pytest.mark.parametrize("parameters", LLAMA.values(), ids=LLAMA)
@pytest.mark.parametrize("workers", [1, 4, 8])
def test_states_are_those_of_deepspeeds_own_estimators(parameters, workers):
    """Which have weights and gradients of 16 bits: two bytes less for each weight than the fp32 that is here."""
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs as stage_3
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs as stage_2

    held, part, same = Held(parameters), parameters / workers, {"additional_buffer_factor": 1.0}

    def ours(stage, offload=None, end=False):
        execution = Execution(workers=workers, zero_stage=stage, offload=offload)
        found = between_updates(held, execution)
        if end:
            found["gradients"] = gradients_at_the_end(held, execution, 1)["gradients"]
        gpu = sum(found.get(name, 0) for name in ("weights", "moments", "gradients"))
        return gpu, workers * found.get("host", 0)

    def near(found, expected):
        return found == pytest.approx(expected, rel=1e-3)

    optimizer, everything = Offload(optimizer="cpu"), Offload(optimizer="cpu", parameters="cpu")
    _, gpu = stage_2(parameters, workers, cpu_offload=False)
    assert near(ours(2, end=True)[0], gpu + 2 * parameters + 2 * part)
    host, gpu = stage_2(parameters, 1, cpu_offload=True, **same)
    assert near(ours(2, optimizer), (gpu + 2 * parameters, host))
    _, gpu, _ = stage_3(parameters, 0, workers, cpu_offload=False)
    assert near(ours(3)[0], gpu + 2 * part)
    host, gpu, _ = stage_3(parameters, 0, workers, cpu_offload_params=False, **same)
    assert near(ours(3, optimizer), (gpu + 2 * part, host))
    host, gpu, _ = stage_3(parameters, 0, workers, **same)
    assert near(ours(3, everything), (gpu, host + 2 * parameters))


def test_on_a_disk_lies_what_would_lie_in_memory():
    held = Held(10**9)
    memory, disk = (
        Execution(workers=4, offload=Offload(optimizer=place, parameters=place, folder=folder))
        for place, folder in (("cpu", None), ("nvme", "/scratch"))
    )
    for found in (between_updates, lambda *given: gradients_at_the_end(*given, 1)):
        there, moved = found(held, memory), found(held, disk)
        assert moved.pop("disk") == there.pop("host") > 0
        assert moved == there


SQUAD = 3072, 1536, 768
"""Subwords of a micro-batch: of eight rows, of four and of two."""


@pytest.fixture(scope="module")
def study():
    """What steps of the published study hold, by their names."""
    file = Path(sweeps.__file__).parent / "paper.yaml"
    plan = draft_of(read_spec(file), file)
    held = PlanMemory(plan)
    steps = {step.name: step for step in plan.steps.values()}

    def of(name, device="cuda", **execution):
        step = steps[name]
        return held.of(step, device, step.execution.model_copy(update=execution))

    return of


def test_what_a_training_holds_falls_with_the_stage(study):
    stages = [study("mnli · seed 1", workers=8, zero_stage=stage).total for stage in range(4)]
    assert stages == sorted(stages, reverse=True)
    assert stages[0] > 1.5 * stages[3]
    # What stage 0 holds is that of a worker alone, and the bucket that gradients are added up in.
    alone = study("mnli · seed 1", workers=1, zero_stage=0)
    assert alone.weights + alone.moments == pytest.approx(12 * 345e6, rel=0.02)  # 40,000 rows of the vocabulary


def test_what_is_trained_and_kept_is_counted(study):
    alone = study("mnli · seed 1", workers=1, zero_stage=0)
    whole = study("mnli · seed 1", workers=1, zero_stage=0, trim_vocabulary=False)
    assert whole.total - alone.total > 2.3 * GiB
    # A batch of question answering is cut by micro-batches of half of it; then gradients of the first are there, too.
    whole, half, quarter = (study("squad · seed 1", workers=1, zero_stage=0, micro_batch_tokens=n) for n in SQUAD)
    assert half.blocks == pytest.approx(2 * quarter.blocks)
    assert (whole.gradients, half.gradients) == (0, half.weights)
    # Of each of its 384 subwords more attention scores are kept than of MNLI's 128.
    assert half.blocks > 1.15 * study("mnli · seed 1", workers=1, zero_stage=0, micro_batch_tokens=SQUAD[1]).blocks
    evaluation = study("evaluate none -> xnli · seed 1")
    assert (evaluation.moments, evaluation.gradients) == (0, 0)
    assert evaluation.weights == pytest.approx(4 * 559e6 - 2 * 302e6, rel=0.01)  # its matrices are in bf16
    # A host's memory holds the rows that are not trained, too.
    assert study("mnli · seed 1", "cpu", workers=1).untrained == 4 * 250_002 * 1024


def test_a_step_without_a_model_holds_none(study):
    assert study("data mnli train") is None
