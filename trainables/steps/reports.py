"""What a training tells its host while it runs."""

from __future__ import annotations

from trainables.recipe.canonical import Frozen


class TrainReport(Frozen):
    """How a training goes, told after each evaluation of the dev rows."""

    global_step: int
    """Updates taken, of `global_steps`."""
    global_steps: int
    steps_per_second: float
    """Updates per second since this attempt began."""
    dev_value: float
    """What picks the checkpoint; larger is better."""
    dev: dict[str, float]
    """The dev metrics by name, in percent (losses in nats)."""
    curve: tuple[tuple[int, float], ...]
    """(update, `dev_value`) of every evaluation from the beginning."""
    losses: tuple[tuple[int, float], ...] = ()
    """(update, mean training loss in nats) since the report before."""
    learning_rate: float
    """Of the last update."""
    tokens_per_second: float
    """Since the beginning of all attempts."""
    gpu_memory_gib: float | None = None
    """The most that the first worker has held at once; None without a GPU."""
