"""How long a step takes on which device: a model of few terms, each with its source, corrected by steps that were
measured.

Beyond a fixed start-up a step takes whichever is longer, what its devices compute or what starting kernels takes:

    computing  FLOPs / (peak x utilisation) / devices  +  updates x bytes that the optimiser moves / memory
    starting   micro-batches x blocks x seconds to start the kernels of a block, forward and backward

and what is moved: of several workers gradients, and weights that ZeRO stage 3 brings together in every pass; what is
offloaded, between the host and the GPU. Small batches are bound by starting: a GPU then waits for the
next kernel most of the time, and several steps that share it (`gpus_per_worker: 0.25`) start kernels beside each other.
Padding counts as lost utilisation, as FLOPs are those of real subwords. Where steps of the plan have been trained on
this type of device, the median of measured over modelled seconds multiplies all of it.

Measured on one NVIDIA H200 with torch 2.11, an update of XLM-R Large on 32 pairs of sentences in bf16, dropout 0.1, by
`python tests/benchmarks/trainer.py --shape large --work pairs --precision bf16 --batch 32 --updates 20`: 164 ms,
compiled 66 ms; of four such trainings at once on the one card, compiled, 92 ms each. From these are `EAGER`, `COMPILED`
and `SHARED`, which are assumed to be the same on other GPUs; from an H100 `PARTITIONED` and `RUNNING`. Assumed too:
utilisation, and that each process has a processor to start kernels. `tests/benchmarks/device.py` measures the `Device`
of the machine at hand: that H200 had 779 TFLOP/s in bf16, 51 in fp32, and 4,169 GB/s.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from trainables.recipe.execution import Execution
from trainables.steps.work import Work

UTILISATION = 0.35
"""Assumed share of a GPU's peak: full fine-tuning of encoders without kernels of one's own rarely has more."""
WIDE, WIDE_UTILISATION = 4096, 0.45
"""Blocks of at least this width have this share of a GPU's peak. Assumed: LLaMA 65B trained at 380 tokens a second on
each A100, which is 0.48 of its peak (Touvron et al. 2023, arXiv 2302.13971, section 2.4), with kernels of its own."""
RECOMPUTED = 4 / 3
"""Arithmetic of an update whose blocks are recomputed: another forward pass."""
PCIE, HOST_MEMORY = 25e9, 50e9
"""Bytes per second between a GPU and its host (PCIe 4.0 x16 has 32e9), and of the host's memory for one worker's
optimiser. Assumed; no offloaded training has been measured."""
NVME = 2e9
"""Bytes per second of a node's disk, which its workers share. Assumed: half of what such disks are sold with, since
files are mapped into memory and read page by page."""
HOST_BYTES, CROSSING_BYTES = 28, 8
"""Bytes for each trained parameter that an offloaded optimiser moves in the host's memory (of `OPTIMISER_BYTES`, what
AdamW reads and writes), and over PCIe (a gradient there, a weight back)."""
EAGER, COMPILED, PARTITIONED = 6.8e-3, 2.75e-3, 3.1e-3
"""Seconds to start the kernels of a block's forward and backward pass, with its share of all else in an update: one by
one; where blocks are compiled; and what ZeRO stages from 1 on add. A 24th of 164 and of 66 ms, and of what an H100 had
more under stage 2, 190 ms for 115."""
RUNNING = 0.8e-3
"""Seconds that the kernels of a block run beyond arithmetic at `UTILISATION` and the optimiser, where they are not
compiled: passes over memory, and the least that each kernel takes. A 24th of what is left of 30 ms, on an H100."""
SHARED = 1.3
"""What a GPU does takes so much longer where several processes share it: it turns from one to the other."""
FORWARD = 1 / 3
"""Of an update's time to start kernels, without a backward pass. Assumed."""
OPTIMISER_BYTES = 40, 76
"""Bytes that an update moves for each trained fp32 parameter, counted off what is done: the gradient is written and
read for clipping (8), the fused AdamW reads 16 and writes 12, the weight is cast (4); and under ZeRO stages from 1 on
there are copies into buckets and partitions, and back (36)."""
START_UP = 0.5
"""Seconds of a training step beyond its training, on the local Ray: measured by `tests/benchmarks/step_overhead.py` on
two cores, of steps whose workers are there already; the first of a group of workers takes five seconds more. Assumed
for every other step and machine, and to cover loading and saving weights."""
KERNELS = 200
"""Of a block's forward and backward pass, about."""
JOINED = 5e6
"""Assumed FLOPs of a kernel of which a second core saves nothing, since to start and join threads takes as long."""
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
    utilisation: float = UTILISATION
    """Share of the peak that training has, where it is bound by arithmetic."""
    starting: float = 1.0
    """Seconds to start kernels, over those of the machine with the H200; 0: nothing waits for them."""

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
# A core of a Xeon with AVX-512 and AMX, of two that are shared, by `tests/benchmarks/device.py`; in fp32 half of what
# both do together while nothing else runs. Utilisation is fitted to an update of multilingual E5 small on 16 pairs of
# sentences, fp32, both cores: 425 ms by `tests/benchmarks/trainer.py --model DIR --batch 16`.
CORE = Device(1.19e12, 0.19e12, 10.6e9, 0.94e9, utilisation=0.8, starting=0.0)


EMULATED = 2.1e9
"""FLOP/s in bf16 of a core without units for it: `ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python
tests/benchmarks/device.py` on the same, where fp32 has 120e9."""


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
        """Modelled seconds of training or evaluation itself, without the correction.

        `devices`: GPUs, or a share of one, or CPU cores.
        """
        device, shape = self.device, work.shape
        utilisation = device.utilisation
        if shape is not None and shape.hidden >= WIDE and device.starting:
            utilisation = max(utilisation, WIDE_UTILISATION)
        flops = work.flops * (RECOMPUTED if execution.checkpoint_activations and work.updates else 1.0)
        seconds = flops / (self._effective(work, execution, devices) * device.peak(work.precision) * utilisation)
        if shape is None:
            return seconds
        if not work.updates:
            batches = ceil(work.tokens / execution.micro_batch_tokens)
            return max(seconds, batches * shape.layers * FORWARD * EAGER * device.starting)
        workers, partitioned = execution.workers, execution.stage > 0
        micro_batches = work.updates * max(1, ceil(work.update_tokens / workers / execution.micro_batch_tokens))
        blocks = micro_batches * shape.layers
        compiled = execution.compile and execution.stage < 3
        start = (COMPILED if compiled else EAGER) + (PARTITIONED if partitioned else 0.0)
        owned = work.parameters / (workers if partitioned else 1)
        offloaded = execution.offload is not None and execution.offload.optimizer is not None and device.starting > 0
        moved = 0.0 if offloaded else owned * OPTIMISER_BYTES[partitioned] / device.memory
        running = RUNNING * (COMPILED / EAGER if compiled else 1.0) if device.starting else 0.0
        share = min(devices / workers, 1.0)
        seconds += (work.updates * moved + blocks * running) / share
        if share < 1 and device.starting:
            seconds *= SHARED
        # Gradients are summed and weights shared out: each is about one pass over a ring of workers.
        exchanged = 2 * 4 * work.parameters * (workers - 1) / workers / device.link
        seconds = max(seconds, blocks * start * device.starting) + work.updates * exchanged
        return seconds + _moving(work, execution, device, micro_batches) if device.starting else seconds

    def _effective(self, work: Work, execution: Execution, devices: float) -> float:
        """Devices that compute as fast as these would if nothing were lost; CPU cores lose where kernels are small."""
        cores = execution.cpus_per_worker
        if self.name != CPU or cores == 1 or work.shape is None:
            return devices
        tokens = execution.micro_batch_tokens
        if work.updates:
            micro_batches = work.updates * max(1, ceil(work.update_tokens / execution.workers / tokens))
        else:
            micro_batches = max(1, ceil(work.tokens / tokens))
        kernel = work.flops / (micro_batches * work.shape.layers * KERNELS)
        return devices / (1 + (cores - 1) * min(1.0, JOINED / max(kernel, 1.0)))


def _moving(work: Work, execution: Execution, device: Device, micro_batches: int) -> float:
    """Seconds to bring weights together under ZeRO stage 3, in each pass of each micro-batch; and to move what is
    offloaded, of which each worker has its part."""
    workers, offload = execution.workers, execution.offload
    passes = micro_batches * (3 if execution.checkpoint_activations else 2)
    weights, seconds = 4 * work.parameters + work.frozen, 0.0
    if execution.stage == 3:
        seconds += passes * weights * (workers - 1) / workers / device.link
    if offload is None:
        return seconds
    if offload.optimizer is not None:
        seconds += work.updates * work.parameters / workers * (HOST_BYTES / HOST_MEMORY + CROSSING_BYTES / PCIE)
    if offload.parameters is not None:
        seconds += passes * weights / workers / PCIE
    if offload.optimizer == "nvme":
        seconds += work.updates * work.parameters * (HOST_BYTES + CROSSING_BYTES) / NVME
    if offload.parameters == "nvme":
        seconds += passes * weights / NVME
    return seconds


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


def throughput_on(gpu: str | None, bf16: bool = True) -> Throughput:
    """The model of a type of GPU, or of CPU cores where there is none; `bf16`: whether these have units for it."""
    if gpu is not None:
        return Throughput(gpu, DEVICES[gpu])
    return Throughput(CPU, CORE if bf16 else replace(CORE, bf16=EMULATED))


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
    """Whether a step ran on devices of this type."""
    return not execution.gpus_per_worker if name == CPU else is_type(name, device)


def is_type(name: str, device: str) -> bool:
    """Whether a device is of a type: "A100" is part of "NVIDIA A100-SXM4-80GB", and no "L4" is an L40S."""
    words = device.replace("-", " ").split()
    wanted = name.split()
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words)))
