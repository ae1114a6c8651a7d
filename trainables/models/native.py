"""The kernels of `native.c` for CPUs: compiled by the machine's C compiler when they are first wanted, in a third of a
second, and kept in the user's cache. Where there is none, torch's own operations give the same numbers."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

log = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("native.c")
COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-O3", "-fPIC")


def can_drop(x: Tensor) -> bool:
    """Whether `dropout` takes `x` here and now."""
    # torch.compile has kernels of its own, which it makes of torch's operations.
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.compiler.is_compiling() and bool(library())


def dropout(x: Tensor, keys: Tensor, dropped: int, scale: float) -> Tensor:
    """Drop elements of `x` in one pass over memory.

    Args:
        x: fp32 on the CPU, of shape (..., features).
        keys: int32, of the shape before the features: what the elements of each row are hashed with.
        dropped: so many of the 2**32 hashes, the lowest, are dropped.
        scale: multiplies what stays.
    """
    kernels = library()
    assert kernels is not None
    x, keys = x.contiguous(), keys.contiguous()
    out = torch.empty_like(x)
    kernels.dropout(
        ctypes.c_void_p(x.data_ptr()),
        ctypes.c_void_p(out.data_ptr()),
        ctypes.c_void_p(keys.data_ptr()),
        ctypes.c_int64(keys.numel()),
        ctypes.c_int64(x.shape[-1]),
        ctypes.c_uint32(dropped),
        ctypes.c_float(scale),
        ctypes.c_int(torch.get_num_threads()),
    )
    return out


@cache
def library() -> ctypes.CDLL | None:
    """The kernels; None where they cannot be compiled or loaded, which is said once."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    why = f"there is no C compiler ({', '.join(COMPILERS)})"
    # By OpenMP with the threads that torch has, whose library must be there: loaded, ours finds it by its symbols.
    for threads in (("-fopenmp",), ()):
        try:
            return _loaded(compiler, (*FLAGS, *threads))
        except (OSError, subprocess.SubprocessError) as error:
            if compiler is not None:
                why = f"{compiler} gave no kernels ({str(error).splitlines()[0][:120]})"
    log.warning("dropout is slower than it could be: %s; install gcc to have it in one pass over memory", why)
    return None


def _loaded(compiler: str | None, flags: tuple[str, ...]) -> ctypes.CDLL:
    """The library from the user's cache, made if it is not there.

    Raises OSError or subprocess.SubprocessError.
    """
    # One home may serve machines of several kinds.
    about = platform.machine(), platform.system(), *platform.libc_ver(), *flags
    digest = hashlib.sha256(SOURCE.read_bytes() + "\0".join(about).encode()).hexdigest()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xstilts"
    library = folder / f"native-{digest[:16]}.so"
    if library.exists():
        return ctypes.CDLL(str(library))
    if compiler is None:
        raise OSError("no C compiler")
    with tempfile.TemporaryDirectory(prefix="xstilts-") as scratch:
        # In two steps: linked without -fopenmp, it does not ask for an OpenMP library beside torch's.
        made, linked = Path(scratch) / "native.o", Path(scratch) / library.name
        for command in (*flags, "-c", SOURCE, "-o", made), ("-shared", made, "-o", linked):
            subprocess.run((compiler, *map(str, command)), check=True, capture_output=True, timeout=60)
        kernels = ctypes.CDLL(str(linked))
        with suppress(OSError):  # a home that cannot be written
            folder.mkdir(parents=True, exist_ok=True)
            # Others may do the same at the same time.
            own = folder / f"{library.name}.{os.getpid()}"
            shutil.copyfile(linked, own)
            own.replace(library)
    return kernels
