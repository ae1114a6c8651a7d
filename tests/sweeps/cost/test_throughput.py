"""Seconds from what a step does: the model gives back what was measured, and is corrected by steps that are done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweeps.cost.throughput import (
    CROSSING_BYTES,
    DEVICES,
    HOST_BYTES,
    HOST_MEMORY,
    PCIE,
    SHARED,
    START_UP,
    UTILISATION,
    WIDE_UTILISATION,
    Measured,
    calibrated,
    throughput_on,
)
from trainables.models.backbones.bert import MINILM
from trainables.models.backbones.xlm_roberta import XLMR_LARGE
from trainables.recipe.execution import Execution, Offload
from trainables.steps.work import Work

ON_GPU = {"gpus_per_worker": 1, "micro_batch_tokens": 32_768}
ALONE = Execution(**ON_GPU)
WORK = Work(1e6, 1e19, 1000, 50_000.0, XLMR_LARGE, "bf16", 335e6)


def updates_of(shape, rows, precision, parameters):
    """A thousand updates on pairs of sentences as MNLI's: 43 subwords in the mean."""
    tokens = 43.0 * rows
    return Work(1000 * tokens, 3000 * tokens * shape.forward(43.0), 1000, tokens, shape, precision, parameters)


@pytest.mark.parametrize(
    ("gpu", "work", "execution", "devices", "milliseconds"),
    [
        ("H200", updates_of(XLMR_LARGE, 32, "bf16", 335e6), ALONE, 1, 164),
        ("H200", updates_of(XLMR_LARGE, 32, "bf16", 335e6), Execution(**ON_GPU, compile=True), 1, 66),
        ("H200", updates_of(XLMR_LARGE, 32, "bf16", 335e6), Execution(**ON_GPU, compile=True), 0.25, 92),
        (None, updates_of(MINILM, 16, "fp32", 24e6), Execution(cpus_per_worker=2), 2, 425),
    ],
)
def test_the_model_gives_back_what_was_measured(gpu, work, execution, devices, milliseconds):
    assert throughput_on(gpu).computing(work, execution, devices) == pytest.approx(milliseconds, rel=0.1)


def test_the_kernels_of_an_update_are_those_that_were_measured():
    # On an H100 they ran for 30 ms: a quarter of a GPU is enough, a twentieth is not, and taking turns costs.
    work = updates_of(XLMR_LARGE, 32, "bf16", 335e6)
    model = throughput_on("H100")
    assert model.computing(work, ALONE, 0.25) == model.computing(work, ALONE, 1)
    assert model.computing(work, ALONE, 0.05) * 0.05 == pytest.approx(30.0 * SHARED, rel=0.1)


def test_large_batches_are_bound_by_arithmetic():
    seconds = throughput_on("A100").seconds(WORK, ALONE, 1)
    arithmetic = 1e19 / (312e12 * UTILISATION)
    assert arithmetic < seconds - START_UP < 1.05 * arithmetic
    assert throughput_on("H100").seconds(WORK, ALONE, 1) < 0.4 * seconds
    # Four workers share the arithmetic, and pay for exchanging what they found.
    four = throughput_on("A100").seconds(WORK, ALONE.model_copy(update={"workers": 4}), 4)
    assert arithmetic / 4 < four - START_UP < 1.1 * arithmetic / 4


def test_what_spares_memory_takes_time():
    """Of 7 billion parameters, on wide blocks: another forward pass, and bytes over PCIe and in the host's memory."""
    wide = replace(XLMR_LARGE, layers=32, hidden=4096, inner=11008, heads=32)
    work, model = replace(WORK, shape=wide, parameters=6.7e9), throughput_on("A100")

    def seconds(**fields):
        return model.computing(work, ALONE.model_copy(update=fields), fields.get("workers", 1))

    arithmetic = 1e19 / (312e12 * WIDE_UTILISATION)
    plain = seconds()
    assert seconds(checkpoint_activations=True) - plain == pytest.approx(arithmetic / 3, rel=0.01)
    optimiser = seconds(offload=Offload(optimizer="cpu"), zero_stage=2)
    stepping = 1000 * 6.7e9 * (HOST_BYTES / HOST_MEMORY + CROSSING_BYTES / PCIE)
    assert optimiser == pytest.approx(stepping + seconds(zero_stage=2), rel=0.1)
    weights = seconds(offload=Offload(optimizer="cpu", parameters="cpu"), zero_stage=3)
    assert weights - optimiser == pytest.approx(
        1000 * 2 * 2 * 4 * 6.7e9 / PCIE, rel=0.1
    )  # two micro-batches, two passes
    # Workers share what is offloaded, and bring weights together in every pass.
    together = {"workers": 8, "zero_stage": 3}
    assert seconds(**together, offload=Offload(optimizer="cpu")) < optimiser / 4
    assert seconds(**together) > seconds(workers=8, zero_stage=2)


def test_small_batches_are_bound_by_starting_kernels():
    small = replace(WORK, flops=1e15, update_tokens=50.0)
    seconds = throughput_on("A100").seconds(small, ALONE, 1) - START_UP
    assert throughput_on("A100").seconds(replace(small, flops=2e15), ALONE, 1) - START_UP == seconds
    in_four = ALONE.model_copy(update={"micro_batch_tokens": 13})
    assert throughput_on("A100").seconds(small, in_four, 1) - START_UP == pytest.approx(4 * seconds)
    evaluation = Work(1e6, 1e12, shape=XLMR_LARGE)
    assert throughput_on("A100").seconds(evaluation, ALONE, 1) - START_UP > 15 * 24 * 1e-3


def test_cards_without_bf16_compute_in_fp32():
    assert throughput_on("V100").seconds(WORK, ALONE, 1) == throughput_on("V100").seconds(
        replace(WORK, precision="fp32"), ALONE, 1
    )
    assert all(device.fp32 <= (device.bf16 or device.fp32) for device in DEVICES.values())


def test_bf16_on_cores_without_units_for_it_costs_many_times_more():
    halves, cores = updates_of(MINILM, 16, "bf16", 24e6), Execution(cpus_per_worker=2)
    able, unable = (throughput_on(None, bf16=units).computing(halves, cores, 2) for units in (True, False))
    assert unable > 20 * throughput_on(None).computing(replace(halves, precision="fp32"), cores, 2)
    assert able < 0.1 * unable
    assert throughput_on("T4", bf16=False) == throughput_on("T4")


def test_only_steps_on_such_a_device_correct_the_model():
    model = throughput_on("L4")
    modelled = model.computing(WORK, ALONE, 1)

    def measured(device, factor):
        return Measured(WORK, factor * modelled, ALONE, 1, device)

    found = calibrated(model, [measured("NVIDIA L4", 2.0), measured("NVIDIA L4", 3.0), measured("NVIDIA L4", 9.0)])
    assert (found.correction, found.measured) == (pytest.approx(3.0), 3)
    assert found.measured_flops == pytest.approx(1e19 / (3.0 * modelled))
    assert found.seconds(WORK, ALONE, 1) == pytest.approx(START_UP + 3.0 * modelled)
    assert calibrated(model, [measured("NVIDIA L40S", 2.0)]) == model
    assert calibrated(throughput_on("A100"), [measured("NVIDIA A100-SXM4-80GB", 2.0)]).measured == 1
