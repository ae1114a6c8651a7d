"""What a step needs of whatever runs it, and what a training tells that: the seam between steps and Ray, torchrun or a
plain process."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Protocol

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


class Host(Protocol):
    """Runs one worker of a training step."""

    def report(self, report: TrainReport) -> None:
        """Tell how training goes. Every worker reports equally often; the first worker's report counts."""

    def should_stop(self) -> str | None:
        """Why the worker shall save its state and leave its loop; None: it shall go on. The first worker alone asks."""


class StopRequested(Exception):
    """A step left before its end, as it was asked to."""


class ProcessHost:
    """A plain process, alone or under `torchrun`: reports to standard output, stops on SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self._stop: str | None = None
        self._rank = int(os.environ.get("RANK", "0"))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)

    def report(self, report: TrainReport) -> None:
        if self._rank == 0:
            numbers = report.model_dump(exclude={"losses", "curve", "dev"}, exclude_none=True)
            numbers |= {f"dev_{name}": score for name, score in report.dev.items()}
            print("  ".join(f"{name} {value:.6g}" for name, value in numbers.items()), flush=True)

    def should_stop(self) -> str | None:
        return self._stop

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self._stop:  # asked twice: at once
            raise KeyboardInterrupt
        self._stop = signal.Signals(number).name
