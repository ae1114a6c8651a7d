"""Activation checkpointing: a block keeps its inputs alone, and is run again when its gradients are computed.

Chen et al. 2016 (arXiv 1604.06174), by `torch.utils.checkpoint`. Of each block in turn its activations are in memory,
instead of those of all blocks at once, for a forward pass more. No number changes: what is run again reads the same
inputs, and drops what it has dropped (`trainables.models.dropout`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.checkpoint import checkpoint

from trainables.models.dropout import CounterDropout


def recompute(block: nn.Module) -> None:
    """Have `block` recompute its activations in the backward pass. It may have been compiled (`nn.Module.compile`)."""
    run = block.forward
    if block._compiled_call_impl is not None:  # what is compiled must be what is run again, and no more than that
        block._compiled_call_impl, run = None, torch.compile(run, dynamic=True)
    # By `forward`, so that hooks are called once: those of transformers, which keep the outputs of blocks, too.
    block.forward = partial(_recomputed, block, run)  # type: ignore[method-assign]


def _recomputed(block: nn.Module, run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return run(*args, **kwargs)
    leaves, form = tree_flatten((args, kwargs))
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    tensors = [leaves[place] for place in places]
    others = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    layers = [module for module in block.modules() if isinstance(module, CounterDropout)]
    keys = [(layer.keys, layer.token_keys) for layer in layers]

    def again(_: Tensor, *read: Tensor) -> Any:
        given = dict(zip(places, read, strict=True))
        args, kwargs = tree_unflatten([given.get(place, other) for place, other in enumerate(others)], form)
        with _dropping(layers, keys):
            return run(*args, **kwargs)

    # All tensors are inputs, those among keyword arguments too: so each has its gradient. The first one says that there
    # are weights to train, where no input comes of any.
    trained = torch.empty(0, requires_grad=any(weight.requires_grad for weight in block.parameters()))
    return checkpoint(again, trained, *tensors, use_reentrant=True, preserve_rng_state=False)


@contextmanager
def _dropping(layers: Sequence[CounterDropout], keys: Sequence[tuple[Tensor | None, Tensor | None]]) -> Iterator[None]:
    """While a block is run again: it drops what it dropped the first time, though the model may have gone on since."""
    now = [(layer.keys, layer.token_keys) for layer in layers]
    _set(layers, keys)
    try:
        yield
    finally:
        _set(layers, now)


def _set(layers: Sequence[CounterDropout], keys: Sequence[tuple[Tensor | None, Tensor | None]]) -> None:
    for layer, (of_sequences, of_tokens) in zip(layers, keys, strict=True):
        layer.keys, layer.token_keys = of_sequences, of_tokens
