"""How far a training is: what of its loop must survive it, and the attempts that went before.

Data order and noise follow from the attempt's seed and the step, so nothing of them is here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

AT_CHANCE = "at chance"
NO_NUMBER = "its loss is no number"


class LossBuffer:
    """Training losses of one worker that have not been logged yet."""

    def __init__(self, parts: int) -> None:
        self.sums, self.steps = [0.0] * parts, [0] * parts
        self.broken: int | None = None
        """The first update (from 1) whose loss is no number."""
        self.pending: list[tuple[int, int, Tensor]] = []
        """Task, number and loss of updates whose losses are still on the device."""

    @classmethod
    def of(cls, saved: Sequence[Mapping[str, Any]], rank: int, workers: int) -> LossBuffer:
        """What one of `workers` goes on with, of what each of perhaps another number of workers had."""
        buffer = cls(len(saved[0]["sums"]))
        if len(saved) == workers:
            vars(buffer).update(saved[rank])
            return buffer
        buffer.steps = list(saved[0]["steps"])  # the same on every worker
        if rank == 0:
            buffer.sums = [sum(sums) for sums in zip(*(one["sums"] for one in saved), strict=True)]
            buffer.broken = min((one["broken"] for one in saved if one["broken"] is not None), default=None)
        return buffer

    def add(self, part: int, loss: Tensor, step: int) -> None:
        """Keep the worker's share of the loss of one update, without waiting for the device to have computed it."""
        self.pending.append((part, step, loss))

    def settled(self) -> LossBuffer:
        """This buffer, once all losses are booked; waits for the device."""
        losses = torch.stack([loss for _, _, loss in self.pending]).tolist() if self.pending else []
        for (part, step, _), loss in zip(self.pending, losses, strict=True):
            self.sums[part] += loss
            self.steps[part] += 1
            if self.broken is None and not math.isfinite(loss):
                self.broken = step
        self.pending = []
        return self


@dataclass
class TrainerState:
    """State of one attempt, the same on every worker."""

    tasks: int
    """Parts of the training."""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """The attempts that collapsed and were followed by another: see `record`."""
    seconds: float = 0.0
    """Spent in training, by this and all earlier attempts; so are the tokens."""
    tokens: int = 0

    step: int = 0
    """Updates taken."""
    best: dict[str, Any] | None = None
    """The point of the dev curve whose weights are kept."""
    dev: list[dict[str, float]] = field(default_factory=list)
    """Of each evaluation the `step`, the `value` that selects (larger is better) and the metrics."""
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(step, mean training loss in nats since the point before)."""
    throughput: list[dict[str, float]] = field(default_factory=list)
    """Of each evaluation the `step`, the `learning_rate` of the last update, `tokens_per_second` since the beginning of
    all attempts, and on a GPU `gpu_memory_gib`, the most that the first worker has held."""
    reported: int = 0
    """Points of the loss curve that the host has heard of."""
    bar: float | None = None
    """The value that the last evaluation with a gain reached."""
    evals_without_gain: int = 0
    """Evaluations since then."""
    since: list[list[float]] = field(default_factory=list)
    """By part: the sum of its training losses since the last evaluation, and the number of its steps."""
    before: list[float | None] = field(default_factory=list)
    """By part: the mean training loss (nats) between the last two evaluations; None where it had no turn."""
    at_chance: bool = False
    """Whether the last evaluation was at chance."""
    evals_at_chance: int = 0
    """Successive evaluations, up to the last, at chance with a training loss that did not fall."""
    collapsed: dict[str, Any] | None = None
    """Why the attempt counts as collapsed (`reason`), and at which `step`."""

    layouts: list[dict[str, int | None]] = field(default_factory=list)
    """How the attempt was carried out: updates `from` .. `to` by so many `workers`, under which `zero_stage`, with how
    many `subwords` trained (None: the whole vocabulary)."""

    def __post_init__(self) -> None:
        self.since = self.since or [[0.0, 0] for _ in range(self.tasks)]
        self.before = self.before or [None] * self.tasks

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> TrainerState:
        """The state whose `vars` were saved as JSON."""
        names = {one.name for one in fields(cls)}
        state = cls(**{name: value for name, value in saved.items() if name in names})
        state.losses = [(step, loss) for step, loss in state.losses]
        return state

    def updated(self, **layout: int | None) -> None:
        """An update was taken, carried out so."""
        self.step += 1
        last = self.layouts[-1] if self.layouts else {}
        if last != {"from": last.get("from"), "to": self.step - 1, **layout}:
            self.layouts.append({"from": self.step - 1, **layout})
        self.layouts[-1]["to"] = self.step

    def log(self, sums: list[float], steps: list[int]) -> None:
        """Book the training losses since the last call, summed over all workers, and the number of steps, by part."""
        for since, loss, count in zip(self.since, sums, steps, strict=True):
            since[0] += loss
            since[1] += count
        self.losses.append((self.step, sum(sums) / sum(steps)))

    def evaluated(self, value: float, metrics: dict[str, float], min_gain: float | None) -> bool:
        """Add a point to the dev curve; whether it is the best yet."""
        point = {"step": self.step, "value": value, **metrics}
        self.dev.append(point)
        self.evals_without_gain += 1
        if self.bar is None or value > self.bar + (min_gain or 0.0):
            self.bar, self.evals_without_gain = value, 0
        if self.best is not None and value <= self.best["value"]:
            return False
        self.best = point
        return True

    def mean_losses(self) -> list[float | None]:
        """By part: the mean training loss since the last evaluation."""
        return [loss / steps if steps else None for loss, steps in self.since]

    def update_collapse(self, at_chance: bool, loss_decreased: bool, grace: float, patience: int | None) -> None:
        """Book what an evaluation shows of the training since the one before.

        `patience` evaluations that are stuck at chance are a collapse, if all that they look back on is after step
        `grace`.
        """
        self.at_chance, self.evals_at_chance = (
            at_chance,
            self.evals_at_chance + 1 if at_chance and not loss_decreased else 0,
        )
        self.before = self.mean_losses()
        self.since = [[0.0, 0] for _ in range(self.tasks)]
        if patience is not None and self.evals_at_chance >= patience:
            before = self.dev[-patience - 1]["step"] if len(self.dev) > patience else 0
            if before >= grace:
                self.collapse(AT_CHANCE, self.step)

    def collapse(self, reason: str, step: int) -> None:
        """The attempt has collapsed, at `step`."""
        self.step = step
        self.collapsed = {"reason": reason, "step": step}

    def record(self, seed: int) -> dict[str, Any]:
        """What is kept of an attempt."""
        return {"seed": seed, "steps": self.step, "collapsed": self.collapsed, "dev": self.dev}

    def next_attempt(self, seed: int) -> TrainerState:
        """The beginning of the next attempt; `seed`: this one's."""
        return TrainerState(self.tasks, [*self.attempts, self.record(seed)], self.seconds, self.tokens)


def seed_of(seed: int, attempt: int) -> int:
    """The seed of an attempt: the first has the recipe's own, those after it numbers that no sweep file would hold."""
    if attempt == 0:
        return seed
    return int.from_bytes(sha256(f"{seed}/attempt/{attempt}".encode()).digest()[:4], "big")
