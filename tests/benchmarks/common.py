"""What the benchmarks share: the machine, the clock, memory, tables, and processes of their own."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

CLEAR = Path("/proc/self/clear_refs")


def moment() -> float:
    """Now, when the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def forget_peak() -> None:
    """From now on `peak_memory` counts anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif CLEAR.exists():
        CLEAR.write_text("5")


def peak_memory() -> float:
    """GiB: of the GPU what was allocated, without one what this process held in all."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def matmul_peak(precision: str) -> float:
    """FLOPs of a large square product in a second of the GPU, or in one of the processor's clock; the best of five."""
    gpu = torch.cuda.is_available()
    device, size, clock = ("cuda", 8192, moment) if gpu else ("cpu", 2048, time.process_time)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(6):
        began = clock()
        a @ b
        times.append(clock() - began)
    return 2 * size**3 / min(times[1:])


def machine() -> str:
    """What this runs on."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    return f"{name}, {device}"


def versions() -> dict[str, str]:
    """Of Python and the libraries that matter here."""
    names = ("torch", "transformers", "deepspeed", "accelerate", "ray")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table: its columns are the names in the first row."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def apart(function: Callable[..., Any], *arguments: Any, limit: float | None = None) -> Any:
    """What a function gives in a process of its own; None where that took longer than `limit` seconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(there, function, arguments))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(limit) else None
    except EOFError:
        raise SystemExit(f"{function.__name__}: its process ended without a result") from None
    finally:
        process.kill()
        process.join()


def _send(to: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):  # of the process group of who asks
        os.environ.pop(name, None)
    to.send(function(*arguments))
