"""Packing: there and back, its gradients, and encoders that give the same packed and padded."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from trainables.models import native
from trainables.models.loading import load_backbone
from trainables.models.packing import PLACES, Packing
from trainables.recipe.execution import Execution
from trainables.task_types.modeling import pad_inputs


def packing_of(*lengths):
    return Packing.of(pad_inputs([{"input_ids": [7] * length} for length in lengths], 1))


def test_there_and_back():
    packing = packing_of(3, 1, 4)
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    packed = packing.pack(x)
    assert packed.shape == (1, 8, 5)
    assert torch.equal(packed[0, 3], x[1, 0])
    assert torch.equal(packing.unpack(packed), x * packing.mask.unsqueeze(-1))
    assert packing.sequences.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert packing.positions.tolist() == [0, 1, 2, 0, 0, 1, 2, 3]
    assert gradcheck(packing.pack, (x,))
    assert gradcheck(packing.unpack, (packed.detach().requires_grad_(),))


def test_equal_lengths_are_packed_for_the_kernels_alone(monkeypatch):
    assert PLACES not in pad_inputs([{"input_ids": [7, 8]}] * 2, 1)
    packing = packing_of(2, 2)
    if packing is not None:
        x = torch.randn(2, 2, 5)
        assert torch.equal(packing.pack(x)[0], x.flatten(0, 1))
        assert torch.equal(packing.unpack(packing.pack(x)), x)
    monkeypatch.setattr(native, "library", lambda: None)
    assert packing_of(2, 2) is None


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(("attention_dropout", "lengths"), [(0.0, (9, 3, 17)), (0.3, (9, 3, 17)), (0.3, (9, 9, 9))])
def test_an_encoder_gives_the_same_packed_and_padded(world, attention_dropout, lengths, kernels, monkeypatch):
    """States of every block and gradients of every weight, with dropout, with the kernels for CPUs and without."""
    from trainables.models.dropout import install

    if not kernels:
        monkeypatch.setattr(native, "library", lambda: None)
    backbone = load_backbone(world.scratch(), world.store, Execution())
    context = install(backbone.model, backbone, 0.2, attention_dropout)
    backbone.model.train()
    rows = [{"input_ids": [0, *range(10, 10 + length), 2]} for length in lengths]
    batch = pad_inputs(rows, backbone.model.config.pad_token_id)
    seen = batch["attention_mask"].unsqueeze(-1)
    found = []
    for packed in (True, False):
        if not packed:
            monkeypatch.setattr(Packing, "of", classmethod(lambda cls, batch: None))
        context.see(torch.tensor([4, 0, 9]))
        backbone.model.zero_grad()
        output = backbone.encode(batch, all_layers=True)
        states = [state * seen for state in (*output.hidden_states, output.last_hidden_state)]
        (states[-1] ** 2).sum().backward()
        gradients = [weight.grad.clone() for weight in backbone.model.parameters() if weight.grad is not None]
        found.append([*states, output.sentence, *gradients])
    assert len(found[0]) == len(found[1])
    for packed, padded in zip(*found, strict=True):
        assert torch.allclose(packed, padded, atol=1e-5)


def test_padding_is_no_token_where_a_batch_does_not_say_the_places():
    mask = torch.tensor([[1] * 4, [1] * 3 + [0]])
    packing = Packing.of({"attention_mask": mask})
    if packing is None:  # no kernels here: the batch stays as it is
        pytest.skip("this machine has no C compiler")
    assert packing.places.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert len(packing.places) == packing.starts[-1]
