"""The kernels for CPUs give what torch's own operations give, and torch's are taken where there is no compiler."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from trainables.models import native
from trainables.models.attention import attention
from trainables.models.dropout import CounterDropout, DropoutContext
from trainables.models.packing import Packing
from trainables.task_types.modeling import pad_inputs

needs_compiler = pytest.mark.skipif(native.library() is None, reason="there is no C compiler")


def attended(lengths, heads, width, p, query=1.0):
    """States and gradients of attention over packed sequences."""
    packing = Packing.of(pad_inputs([{"input_ids": [7] * length} for length in lengths], 1))
    draw = torch.Generator().manual_seed(3)
    shape = 1, sum(lengths), heads * width
    parts = [(torch.randn(shape, generator=draw) * size).requires_grad_() for size in (query, 1.5, 1.0)]
    context, layer = DropoutContext(3, 5), nn.Module()
    layer.dropout = CounterDropout(p, 2, context)
    context.see(torch.arange(len(lengths)))
    split = (part.view(1, -1, heads, width).transpose(1, 2) for part in parts)
    states, _ = attention(layer, *split, None, packing=packing)
    return states, *torch.autograd.grad(states, parts, torch.randn(states.shape, generator=draw))


@needs_compiler
@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize(
    ("lengths", "heads", "width"), [((9, 1, 17), 3, 20), ((64, 130, 65), 2, 16), ((2, 33), 1, 5), ((40, 3), 2, 64)]
)
def test_attention_is_that_of_torch(monkeypatch, lengths, heads, width, p):
    found = attended(lengths, heads, width, p)
    again = attended(lengths, heads, width, p)
    monkeypatch.setattr(native, "library", lambda: None)
    for one, same, expected in zip(found, again, attended(lengths, heads, width, p), strict=True):
        assert torch.equal(one, same)
        assert torch.allclose(one, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("rotated", [True, False])
def test_bf16_on_a_cpu_is_attended_in_fp32(p, packed, rotated):
    """States and gradients are those of fp32 from the same values, rounded once; also where queries and keys come in
    fp32, as rotated positions leave them."""
    lengths, heads, width = (7, 7), 2, 16
    packing = Packing.of(pad_inputs([{"input_ids": [7] * length} for length in lengths], 1)) if packed else None
    draw = torch.Generator().manual_seed(3)
    shape = (1, heads, sum(lengths), width) if packed else (len(lengths), heads, lengths[0], width)
    halves = [torch.randn(shape, generator=draw).bfloat16().requires_grad_() for _ in range(3)]
    context, layer = DropoutContext(3, 5), nn.Module()
    layer.dropout = CounterDropout(p, 2, context)
    context.see(torch.arange(len(lengths)))
    gradient = None
    found = []
    for parts in ([half.detach().float().requires_grad_() for half in halves], halves):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=parts is halves):
            query, key, value = parts
            turned = (query.float(), key.float()) if rotated else (query, key)
            states, _ = attention(layer, *turned, value, None, packing=packing)
        gradient = torch.randn(states.shape, generator=draw).bfloat16() if gradient is None else gradient
        found.append((states, *torch.autograd.grad(states, parts, gradient.to(states.dtype))))
    for expected, half in zip(*found, strict=True):
        assert half.dtype == torch.bfloat16
        assert torch.equal(half, expected.bfloat16())


@needs_compiler
def test_scores_of_any_size(monkeypatch):
    """Weights that are all but one zero; and what is no number stays none, in its own sequence alone."""
    found = attended((5, 30), 2, 16, 0.1, query=300.0)
    monkeypatch.setattr(native, "library", lambda: None)
    for one, expected in zip(found, attended((5, 30), 2, 16, 0.1, query=300.0), strict=True):
        assert torch.allclose(one, expected, rtol=1e-4, atol=1e-3)
    monkeypatch.undo()
    parts = torch.randn(3, 8, 1, 16)
    for wrong in (float("nan"), float("inf")):
        parts[0, 1] = wrong
        states = native.attention(*parts, torch.tensor([0, 3, 8]), 0.25, None)
        assert states[1].isnan().all()
        assert states[3:].isfinite().all()


def test_without_a_compiler_it_is_said_once(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    expected = attended((9, 4), 2, 16, 0.5)
    native.library.cache_clear()
    try:
        assert native.library() is None
        for one, with_it in zip(attended((9, 4), 2, 16, 0.5), expected, strict=True):
            assert torch.allclose(one, with_it, atol=1e-5)
    finally:
        native.library.cache_clear()
    (said,) = caplog.messages
    assert "no C compiler" in said
    assert "install gcc" in said
    assert len(said) < 300


def no_home():
    raise RuntimeError("Could not determine home directory.")


@needs_compiler
@pytest.mark.parametrize("cache", ["cannot be written", "holds a broken file", "is nowhere"])
def test_whatever_the_cache_is_there_are_kernels(monkeypatch, tmp_path, cache):
    if cache == "cannot be written":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    elif cache == "is nowhere":
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(native.Path, "home", no_home)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        # What a full disk, or a machine that died, may leave under the name.
        name = "native-" + "0" * 16 + ".so"
        monkeypatch.setattr(native.hashlib, "sha256", lambda _: SimpleNamespace(hexdigest=lambda: "0" * 64))
        (tmp_path / "xstilts").mkdir()
        (tmp_path / "xstilts" / name).write_bytes(b"\x7fELF")
    monkeypatch.setattr(native, "FLAGS", ("-O0", "-fPIC"))  # sooner
    native.library.cache_clear()
    try:
        assert native.library() is not None
    finally:
        native.library.cache_clear()
    if cache == "holds a broken file":
        assert (tmp_path / "xstilts" / name).stat().st_size > 1000


@needs_compiler
def test_a_compiler_that_fails_is_said(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(native, "FLAGS", ("--no-such-flag",))
    native.library.cache_clear()
    try:
        assert native.library() is None
    finally:
        native.library.cache_clear()
    (said,) = caplog.messages
    assert "gave no kernels" in said
    assert len(said) < 300
