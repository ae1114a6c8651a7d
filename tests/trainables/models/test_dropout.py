"""Counter dropout: the rate, independence, and that neighbours and padding do not matter."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainables.models.dropout import CounterDropout, DropoutContext, keep_mask
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
    from trainables.recipe.recipes import Optimisation
    from trainables.training.task_data import new_heads

    backbone = load_backbone(world.scratch(), world.store, Execution())
    optimisation = Optimisation(steps=1, dropout=0.2, attention_dropout=0.3)
    model = new_task_model(backbone, new_heads(world.train("gen-nli").tasks, optimisation.dropout), optimisation, 1)
    drops = {name: module for name, module in model.named_modules() if isinstance(module, CounterDropout)}
    assert not any(isinstance(module, nn.Dropout) for module in model.modules())
    assert {module.p for name, module in drops.items() if "attention.self" in name} == {0.3}
    assert {module.p for name, module in drops.items() if "attention.self" not in name} == {0.2}
    assert len({module.number for module in drops.values()}) == len(drops)
