"""What the processor of this machine can do, as Linux says it."""

from __future__ import annotations

from pathlib import Path

CPUINFO, GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")
BF16 = ("amx_bf16", "avx512_bf16", "bf16")
"""Units that multiply bf16: Intel's and AMD's, and Arm's. Without one it is emulated, and far slower than fp32."""


def bf16_units() -> tuple[str, ...]:
    """Those of `BF16` that this machine's CPUs have."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
    return tuple(unit for unit in BF16 if unit in flags)


def has_gpus() -> bool:
    """Whether this machine has NVIDIA GPUs."""
    try:
        return any(GPUS.iterdir())
    except OSError:
        return False
