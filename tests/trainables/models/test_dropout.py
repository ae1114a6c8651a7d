"""Counter dropout: the rate, independence, and that neighbours and padding do not matter."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from trainables.models import native
from trainables.models.dropout import CounterDropout, DropoutContext, dropped, keep_mask
from trainables.models.packing import Packing


def layer_of(p, seed=1, step=0, number=0, rows=(0, 1)):
    context = DropoutContext(seed, step)
    layer = CounterDropout(p, number, context)
    context.see(torch.tensor(list(rows)))
    return layer


def mask(shape, p=0.1, seed=1, step=0, layer=0, rows=None):
    keys = layer_of(p, seed, step, layer, range(shape[0]) if rows is None else rows).keys
    return keep_mask(torch.Size(shape), p, keys)


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_the_rate(p):
    kept = mask((64, 50, 128), p).float()
    # Of 409,600 elements; five standard errors.
    assert abs(float(kept.mean()) - (1 - p)) < 5 * (p * (1 - p) / kept.numel()) ** 0.5
    for dim in (0, 1, 2):
        others = [d for d in range(3) if d != dim]
        means = kept.mean(dim=others)
        error = (p * (1 - p) / (kept.numel() / kept.shape[dim])) ** 0.5
        assert float((means - (1 - p)).abs().max()) < 6 * error


def test_masks_of_other_steps_layers_seeds_and_rows_are_uncorrelated():
    base = mask((32, 32, 64), 0.5)
    others = [
        mask((32, 32, 64), 0.5, step=1),
        mask((32, 32, 64), 0.5, layer=1),
        mask((32, 32, 64), 0.5, seed=2),
        mask((32, 32, 64), 0.5, rows=list(range(32, 64))),
        base.roll(1, 0),
        base.roll(1, 1),
        base.roll(1, 2),
        base.roll((1, 1), (1, 2)),
    ]
    signs = base.float() * 2 - 1
    for other in others:
        correlation = float((signs * (other.float() * 2 - 1)).mean())
        assert abs(correlation) < 5 / base.numel() ** 0.5


def test_a_row_meets_the_same_mask_whatever_stands_beside_it():
    together = mask((4, 10, 16), rows=[3, 0, 7, 5])
    alone = mask((1, 10, 16), rows=[7])
    assert torch.equal(together[2], alone[0])
    padded = mask((1, 25, 16), rows=[7])
    assert torch.equal(padded[0, :10], alone[0])


def test_four_dimensions_padded_on_two_sides():
    small, large = mask((2, 3, 5, 5)), mask((2, 3, 9, 9))
    assert torch.equal(large[:, :, :5, :5], small)


def test_the_module_scales_while_training_and_rests_otherwise():
    module = layer_of(0.25)
    x = torch.ones(2, 8, 8)
    out = module(x)
    assert out.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert torch.equal(module.eval()(x), x)
    assert torch.equal(layer_of(0.0)(x), x)


def test_packed_tokens_meet_the_mask_that_they_meet_in_padded_sequences():
    module = layer_of(0.5, rows=(3, 8, 5))
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    packing = Packing(mask.flatten().nonzero().flatten(), mask.bool())
    x = torch.ones(3, 4, 16)
    padded = module(x)
    with module.context.packed(packing):
        packed = module(packing.pack(x))
        # Attention's weights are by sequence all the time.
        assert torch.equal(module(torch.ones(3, 2, 4, 4)), layer_of(0.5, rows=(3, 8, 5))(torch.ones(3, 2, 4, 4)))
    assert torch.equal(packing.pack(padded), packed)
    assert torch.equal(module(x), padded)


def test_forgetting_which_rows_are_seen_is_an_error():
    module = layer_of(0.1)
    module.context.see(None)
    with pytest.raises(RuntimeError, match="which examples"):
        module(torch.ones(1, 2))


def test_every_dropout_of_a_model_is_replaced(world):
    from trainables.models.loading import load_backbone
    from trainables.models.task_model import new_task_model
    from trainables.recipe.execution import Execution
    from trainables.recipe.optimisation import Optimisation
    from trainables.training.task_data import new_heads

    backbone = load_backbone(world.scratch(), world.store, Execution())
    optimisation = Optimisation(steps=1, dropout=0.2, attention_dropout=0.3)
    model = new_task_model(backbone, new_heads(world.train("gen-nli").tasks, optimisation.dropout), optimisation, 1)
    drops = {name: module for name, module in model.named_modules() if isinstance(module, CounterDropout)}
    assert not any(isinstance(module, nn.Dropout) for module in model.modules())
    assert {module.p for name, module in drops.items() if "attention.self" in name} == {0.3}
    assert {module.p for name, module in drops.items() if "attention.self" not in name} == {0.2}
    assert len({module.number for module in drops.values()}) == len(drops)


def reference(row, places, seed, step, number):
    """The hash of one element in Python's own integers: at `places` (from 0), the last that of its feature."""

    def finalise(h):
        h ^= h >> 16
        h = h * 0x85EBCA6B % 2**32
        h ^= h >> 13
        h = h * 0xC2B2AE35 % 2**32
        return h ^ (h >> 16)

    word = 0
    for one in (seed, step, number):
        word = (word ^ (one + 0x9E3779B97F4A7C15 + (word << 6) + (word >> 2))) % 2**64
        word = word * 0xBF58476D1CE4E5B9 % 2**64
        word ^= word >> 29
    key = finalise((row * 0x9E3779B1 + word % 2**47) % 2**32)
    for place in places[:-1]:
        key = finalise((key * 0x85EBCA6B + place + 1) % 2**32)
    return finalise(key ^ finalise((places[-1] + 1 + 0x27D4EB2F) % 2**32))


@pytest.mark.parametrize(
    ("way", "shape"),
    [
        *itertools.product(("native", "torch"), [(3, 5, 7), (2, 3, 4, 9), (2, 2, 1030)]),
        ("compiled", (2, 3, 4, 9)),  # seconds
    ],
)
def test_masks_are_those_of_plain_integers(shape, way, monkeypatch):
    """Every way to compute the hash gives its bits: neither sign nor width nor rounding gets into them."""
    # What is compiled for a GPU is other code than for a CPU.
    device = "cuda" if way != "native" and torch.cuda.is_available() else "cpu"
    rows, p, (seed, step, number) = [2**31 + 5, 0, 77][: shape[0]], 0.3, (2**31 + 7, 12_345, 40)
    x = torch.linspace(-3, 3, math.prod(shape), device=device).reshape(shape).requires_grad_()
    keys = layer_of(p, seed, step, number, rows).keys.to(device)
    call = dropped
    if way != "torch" and native.library() is None:
        pytest.skip("there is no C compiler")
    if way != "native":
        monkeypatch.setattr(native, "library", lambda: None)
        if way == "compiled":
            call = torch.compile(dropped, dynamic=True)
    out = call(x, keys, p)
    kept = torch.empty(shape, dtype=torch.bool, device=device)
    for places in itertools.product(*map(range, shape)):
        kept[places] = reference(rows[places[0]], places[1:], seed, step, number) ^ 2**31 >= round(p * 2**32)
    assert torch.equal(keep_mask(x.shape, p, keys), kept)
    scale = 1 / (1 - p)
    assert torch.equal(out, torch.where(kept, x * scale, 0.0))
    gradient = torch.randn(shape, device=device).transpose(0, 1).contiguous().transpose(0, 1)  # not in order
    out.backward(gradient)
    assert torch.equal(x.grad, torch.where(kept, gradient * scale, 0.0))


def test_compiled_masks_do_not_depend_on_the_width_of_integers(monkeypatch):
    """A compiled kernel may compute in 64-bit integers what int32 was asked for."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    keys = layer_of(0.3, seed=9, rows=(3, 2**33, 6)).keys
    for shape in ((3, 5, 70), (3, 2, 9, 9)):
        narrow = keep_mask(torch.Size(shape), 0.3, keys)
        for above in (0, 5 << 40, -(3 << 33)):
            assert torch.equal(keep_mask(torch.Size(shape), 0.3, keys.long() + above), narrow)
    monkeypatch.undo()
    assert torch.equal(keep_mask(torch.Size((3, 2, 9, 9)), 0.3, keys), narrow)
