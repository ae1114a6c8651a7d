"""How long a step takes on which device: a model of four terms, stated in full, corrected by steps that were measured.

A training step takes, beyond a fixed start-up,

    updates x (max(FLOPs / (workers' peak x UTILISATION), micro-batches x layers x LAYER_START)
                       + passing over all parameters + exchanging them between workers)

and evaluation FLOPs / (peak x UTILISATION). The second part of the maximum is what small batches cost: a device that
has little to compute waits for the next kernel to be started. Padding counts as lost utilisation, as FLOPs are those of
real subwords. Where steps of the plan have been trained on this type of device, the median of measured over modelled
seconds multiplies all of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from trainables.recipe.execution import Execution
from trainables.steps.work import Work

UTILISATION = 0.35
"""Assumed share of peak: full fine-tuning of encoders without kernels of one's own rarely has more."""
LAYER_START = 2e-3
"""Assumed seconds to start the some 200 kernels of a block's forward and backward pass, 10 microseconds each."""
OPTIMISER_BYTES = 96
"""Bytes that an update moves for each fp32 parameter, counted off the operations of torch's AdamW where none is
fused (80), and of measuring, clipping and clearing the gradient (16)."""
START_UP = 12.6
"""Seconds of a training step beyond its training, on the local Ray: measured by `tests/benchmarks/step_overhead.py` on
two shared cores. Assumed for every other step and machine, and to cover loading and saving weights."""
PREPARED = 50_000.0
"""Assumed subwords per second and CPU that preparing data encodes and writes. On shared cores it was 20,000 to 40,000
for text that is cleared of evaluation sentences, and 110,000 to 135,000 for tasks."""


@dataclass(frozen=True)
class Device:
    """Published figures of a type of device, dense operations, no sparsity."""

    bf16: float | None
    """FLOP/s in bf16 with fp32 sums; None where it has no bf16 of its own and computes in fp32."""
    fp32: float
    """FLOP/s in fp32 proper (torch uses no TF32 unless asked)."""
    memory: float
    """Bytes per second of its memory."""
    link: float
    """Bytes per second to another device of its machine, in one direction."""
    layer_start: float = LAYER_START

    def peak(self, precision: str) -> float:
        """FLOP/s in "bf16" or "fp32"."""
        return self.bf16 if precision == "bf16" and self.bf16 else self.fp32


# NVIDIA's data sheets of each card; those of the GeForce from the Ada whitepaper. SXM where there is a choice, so links
# are NVLink's; others have PCIe x16.
DEVICES: Mapping[str, Device] = {
    "T4": Device(None, 8.1e12, 320e9, 16e9),
    "V100": Device(None, 15.7e12, 900e9, 150e9),
    "A10": Device(125e12, 31.2e12, 600e9, 32e9),
    "L4": Device(121e12, 30.3e12, 300e9, 32e9),
    "L40S": Device(362e12, 91.6e12, 864e9, 32e9),
    "RTX 4090": Device(165.2e12, 82.6e12, 1008e9, 32e9),
    "A100": Device(312e12, 19.5e12, 2039e9, 300e9),
    "H100": Device(989e12, 67e12, 3350e9, 450e9),
    "H200": Device(989e12, 67e12, 4800e9, 450e9),
}
USUAL = "A100"
CPU = "CPU core"
# Measured on two shared cores with AMX: 0.26 TFLOP/s in fp32 and 1.25 in bf16; an update of XLM-R Large 9 s,
# so the memory is that of a worker. The link is a guess.
CORE = Device(0.6e12, 0.13e12, 6e9, 5e9, layer_start=0.0)


@dataclass(frozen=True)
class Throughput:
    """Seconds of steps on one type of device."""

    name: str
    device: Device
    correction: float = 1.0
    """Measured over modelled seconds."""
    measured: int = 0
    """Training steps that the correction is the median of."""
    measured_flops: float = 0.0
    """Their median FLOP/s per device."""

    def seconds(self, work: Work, execution: Execution, devices: float) -> float:
        """From the start to the end of a step that holds so many GPUs, or CPU cores where it has no GPU."""
        if work.shape is None:
            return START_UP + work.tokens / (PREPARED * execution.cpus_per_worker)
        return START_UP + self.correction * self.computing(work, execution, devices)

    def computing(self, work: Work, execution: Execution, devices: float) -> float:
        """Modelled seconds of training or evaluation itself, without the correction."""
        device = self.device
        seconds = work.flops / (devices * device.peak(work.precision) * UTILISATION)
        if not work.updates or work.shape is None:
            return seconds
        workers, parameters = execution.workers, work.shape.parameters
        micro_batches = max(1, ceil(work.update_tokens / workers / execution.micro_batch_tokens))
        starting = work.updates * micro_batches * work.shape.layers * device.layer_start
        owned = parameters / (workers if execution.stage else 1)
        # Gradients are summed and weights shared out: each is about one pass over a ring of workers.
        exchanged = 2 * 4 * parameters * (workers - 1) / workers
        passing = owned * OPTIMISER_BYTES / device.memory + exchanged / device.link
        return max(seconds, starting) + work.updates * passing


@dataclass(frozen=True)
class Measured:
    """A step that is done: what it did, and how long that took on what."""

    work: Work
    seconds: float
    execution: Execution
    devices: float
    """GPUs that it held, or CPU cores where it had no GPU."""
    device: str
    """As its record has it."""


def throughput_on(gpu: str | None) -> Throughput:
    """The model of a type of GPU, or of CPU cores where there is none."""
    return Throughput(gpu, DEVICES[gpu]) if gpu is not None else Throughput(CPU, CORE)


def calibrated(throughput: Throughput, measured: Iterable[Measured]) -> Throughput:
    """Corrected by steps that are done; those on other devices are passed over."""
    ratios, rates = [], []
    for one in measured:
        if one.seconds > 0 and _is_on(throughput.name, one.execution, one.device):
            ratios.append(one.seconds / throughput.computing(one.work, one.execution, one.devices))
            rates.append(one.work.flops / one.seconds / one.devices)
    if not ratios:
        return throughput
    return replace(
        throughput,
        correction=statistics.median(ratios),
        measured=len(ratios),
        measured_flops=statistics.median(rates),
    )


def _is_on(name: str, execution: Execution, device: str) -> bool:
    """Whether a step ran on devices of this type: "A100" is part of "NVIDIA A100-SXM4-80GB", and no "L4" is an L40S."""
    if name == CPU:
        return not execution.gpus_per_worker
    words = device.replace("-", " ").split()
    wanted = name.split()
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words)))
