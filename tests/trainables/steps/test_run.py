"""A process that has carried out a step goes on to another as a new one would begin it."""

from __future__ import annotations

import gc
import weakref

import torch

from trainables.steps.run import tidy


class Model:
    """Refers to itself, as modules with hooks do, so that it is not freed when nothing else refers to it."""

    def __init__(self):
        self.itself, self.weights = self, torch.zeros(3)


def test_nothing_of_a_step_is_left_in_its_process():
    model, compiled = Model(), []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    doubled = torch.compile(lambda x: x * 2, backend=backend)
    for _ in range(2):
        doubled(torch.ones(2))
    assert len(compiled) == 1
    weights = weakref.ref(model.weights)
    gc.disable()
    del model
    assert weights() is not None
    gc.enable()
    tidy()
    assert weights() is None
    doubled(torch.ones(2))
    assert len(compiled) == 2
