"""The kernels of `native.c` for CPUs: compiled by the machine's C compiler when they are first wanted, in seconds, and
kept in the user's cache. Where there is none, torch's own operations give the same numbers."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from ctypes import CDLL, c_float, c_int, c_int64, c_uint32, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

log = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("native.c")
COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-O3", "-fPIC")


def takes(x: Tensor) -> bool:
    """Whether the kernels take `x` here and now."""
    # torch.compile has kernels of its own, which it makes of torch's operations.
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.compiler.is_compiling() and bool(library())


@dataclass(frozen=True)
class Drop:
    """What is dropped of each row's elements, by their hashes."""

    keys: Tensor
    """int32: what the elements of a row are hashed with."""
    share: int
    """So many of the 2**32 hashes, the lowest, are dropped."""
    scale: float
    """Multiplies what stays."""


def dropout(x: Tensor, drop: Drop) -> Tensor:
    """Drop elements of `x` (fp32, of shape (*drop.keys.shape, features)) in one pass over memory."""
    return cast(Tensor, _Dropout.apply(x, drop))


class _Dropout(torch.autograd.Function):
    """Its gradient is dropped as it was: what is kept for it are the rows' keys, and no mask."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, drop: Drop) -> Tensor:
        ctx.drop = drop
        return _dropped(x, drop)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return _dropped(gradient, ctx.drop), None


def _dropped(x: Tensor, drop: Drop) -> Tensor:
    x, keys = x.contiguous(), drop.keys.contiguous()
    out = torch.empty_like(x)
    kernels = library()
    assert kernels is not None
    kernels.dropout(
        _at(x),
        _at(out),
        _at(keys),
        c_int64(keys.numel()),
        c_int64(x.shape[-1]),
        c_uint32(drop.share),
        c_float(drop.scale),
        c_int(torch.get_num_threads()),
    )
    return out


def attention(query: Tensor, key: Tensor, value: Tensor, starts: Tensor, scaling: float, drop: Drop | None) -> Tensor:
    """Attention within each of several sequences whose tokens lie one after the other. No score leaves the cache.

    Args:
        query, key, value: fp32, tokens x heads x width of a head.
        starts: int64, where each sequence starts, and where the last one ends.
        scaling: multiplies the scores.
        drop: what is dropped of each sequence's weights.

    Returns the values, of the shape of `query`.
    """
    return cast(Tensor, _Attention.apply(query, key, value, starts, scaling, drop))


class _Attention(torch.autograd.Function):
    """Backwards, weights are computed anew; their largest scores and sums are kept."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, starts: Tensor, scaling: float, drop: Drop | None
    ) -> Tensor:
        query, key, value = (x.contiguous() for x in (query, key, value))
        out = torch.empty_like(query)
        norms = query.new_empty(query.shape[1], query.shape[0], 2)
        ctx.save_for_backward(query, key, value, norms)
        ctx.how = starts, scaling, drop
        _attention((query, key, value, out, norms, None, None, None, None), *ctx.how)
        return out

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, gradient: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        query, key, value, norms = ctx.saved_tensors
        found = torch.empty_like(query), torch.empty_like(query), torch.empty_like(query)
        _attention((query, key, value, None, norms, gradient.contiguous(), *found), *ctx.how)
        return *found, None, None, None


def _attention(tensors: Sequence[Tensor | None], starts: Tensor, scaling: float, drop: Drop | None) -> None:
    query = tensors[0]
    kernels = library()
    assert query is not None
    assert kernels is not None
    sequences = len(starts) - 1
    keys = torch.zeros(sequences, dtype=torch.int32) if drop is None else drop.keys.contiguous()
    failed = kernels.attention(
        *(None if x is None else _at(x) for x in tensors),
        _at(starts),
        _at(keys),
        c_int64(sequences),
        c_int64(query.shape[1]),
        c_int64(query.shape[2]),
        c_uint32(0 if drop is None else drop.share),
        c_float(1.0 if drop is None else drop.scale),
        c_float(scaling),
        c_int(torch.get_num_threads()),
    )
    if failed:
        raise MemoryError("no memory for the attention of a micro-batch")


def _at(x: Tensor) -> c_void_p:
    return c_void_p(x.data_ptr())


@cache
def library() -> CDLL | None:
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
    log.warning(
        "training on this CPU takes twice as long as it could: %s; install gcc to have dropout and attention fused", why
    )
    return None


def _loaded(compiler: str | None, flags: tuple[str, ...]) -> CDLL:
    """The library from the user's cache, made if no sound one is there.

    Raises OSError or subprocess.SubprocessError.
    """
    # One home may serve machines of several kinds.
    about = platform.machine(), platform.system(), *platform.libc_ver(), *flags
    digest = hashlib.sha256(SOURCE.read_bytes() + "\0".join(about).encode()).hexdigest()
    name = f"native-{digest[:16]}.so"
    folder = _cache()
    if folder is not None and (folder / name).exists():
        with suppress(OSError):
            return CDLL(str(folder / name))
    if compiler is None:
        raise OSError("no C compiler")
    with tempfile.TemporaryDirectory(prefix="kernels-of-xstilts-") as scratch:
        # In two steps: linked without -fopenmp, it does not ask for an OpenMP library beside torch's.
        made, linked = Path(scratch) / "native.o", Path(scratch) / name
        for command in (*flags, "-c", SOURCE, "-o", made), ("-shared", made, "-lm", "-o", linked):
            subprocess.run((compiler, *map(str, command)), check=True, capture_output=True, timeout=300)
        kernels = CDLL(str(linked))
        if folder is not None:
            _keep(linked, folder)
    return kernels


def _cache() -> Path | None:
    """The user's folder for such files; None where there is no home. Never a folder that others can write."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(named) if named else Path.home() / ".cache") / "xstilts"
    except RuntimeError:
        return None


def _keep(file: Path, folder: Path) -> None:
    """Copy a file into a folder as one act, since others may do the same at the same time; nothing where it cannot be
    written."""
    own = folder / f"{file.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, own)
        own.replace(folder / file.name)
    except OSError:
        with suppress(OSError):
            own.unlink()
