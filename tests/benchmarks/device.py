"""The device at hand as the price model sees it (`sweeps.cost.throughput.Device`), measured.

    python tests/benchmarks/device.py [--threads 1]

On a GPU where there is one, else on CPU cores. Prints one Markdown table, what is measured how, and the record. Each is
the best of several goes, since what else runs only makes them slower. The link is that between two processes of this
machine, by NCCL where there are two GPUs, else by gloo.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
GOES = 7


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--threads", type=int, default=1, help="of torch on a CPU; figures are for all of them together"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    bf16, fp32 = product(torch.bfloat16), product(torch.float32)
    memory, start, optimiser, link = copying(), starting(), optimising(), exchanging()
    name = torch.cuda.get_device_name() if GPU else f"{given.threads} thread(s) of this machine's CPU"
    print(f"\n{name}, torch {torch.__version__}; `python {' '.join(sys.argv)}`\n")
    print("| term | measured | how |\n| --- | --- | --- |")
    print(f"| bf16 | {bf16 / 1e12:.3g} TFLOP/s | a large square product |")
    print(f"| fp32 | {fp32 / 1e12:.3g} TFLOP/s | the same |")
    print(f"| memory | {memory / 1e9:.1f} GB/s | a copy, read and written |")
    print(f"| starting | {1e6 * start:.1f} us | an addition of few numbers, one after the other |")
    print(f"| optimiser | {optimiser / 1e9:.1f} GB/s | fused AdamW: 28 bytes a parameter |")
    print(f"| link | {link / 1e9:.2f} GB/s | an all-reduce of two, bytes of the tensor |")
    # Without units for it bf16 is emulated, and slower than fp32 by far.
    halves = f"{bf16:.3g}" if bf16 > fp32 else "None"
    print(f"\nDevice({halves}, {fp32:.3g}, {optimiser:.3g}, {link:.3g})")


def product(dtype: torch.dtype) -> float:
    """FLOP/s of a product of square matrices."""
    size = 8192 if GPU else 1024
    a, b = (torch.randn(size, size, device=DEVICE).to(dtype) for _ in range(2))
    return 2 * size**3 / best(lambda: a @ b)


def copying() -> float:
    """Bytes per second, read and written, of a copy that no cache holds."""
    numbers = 2**28 if GPU else 2**26
    source = torch.ones(numbers, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * source.nbytes / best(lambda: target.copy_(source))


def starting() -> float:
    """Seconds from one small kernel to the next, as Python starts them."""
    x = torch.zeros(8, device=DEVICE)

    def many() -> None:
        for _ in range(1000):
            x.add_(1.0)

    return best(many) / 1000


def optimising() -> float:
    """Bytes per second of the fused AdamW on as many parameters as a small encoder has."""
    parameter = torch.nn.Parameter(torch.zeros(2**28 if GPU else 2**24, device=DEVICE))
    parameter.grad = torch.full_like(parameter, 1e-3)
    adam = torch.optim.AdamW([parameter], fused=True)
    return 28 * parameter.numel() / best(adam.step)


def exchanging() -> float:
    """Bytes per second of an all-reduce between two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with multiprocessing.Manager() as manager:
        told = manager.dict()
        multiprocessing.spawn(_exchange, (port, told), nprocs=2)
        return float(told[0])


def _exchange(rank: int, port: int, told: Any) -> None:
    two = torch.cuda.device_count() > 1
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("nccl" if two else "gloo", rank=rank, world_size=2)
    tensor = torch.ones(2**24, device=f"cuda:{rank}" if two else "cpu")
    told[rank] = tensor.nbytes / best(lambda: dist.all_reduce(tensor))
    dist.destroy_process_group()


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of several goes, after one that does not count."""
    times = []
    for _ in range(GOES + 1):
        if GPU:
            torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        if GPU:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times[1:])


if __name__ == "__main__":
    main()
