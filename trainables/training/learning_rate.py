"""The learning-rate schedule."""

from __future__ import annotations


def warmup_then_decay(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate: linear from 0 over the warm-up, then linear to 0.

    Args:
        step: the update, from 0.
        steps: updates of the whole training.
        warmup: share of the updates that are warm-up.
    """
    warm = warmup * steps
    if step < warm:
        return (step + 1) / (warm + 1)
    return (steps - step) / max(1.0, steps - warm)
