"""The states of a step while a sweep is carried out, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class StepState(StrEnum):
    """Where a step is. The values are the words that people and JSON see."""

    WAITING = "to do"
    """It has not been started, or not since it was last taken up again."""
    RUNNING = "running"
    PAUSED = "paused"
    """An attempt was asked to leave, and has saved its training state; the next one goes on from there."""
    RETRYING = "again"
    """An attempt has failed, and another one will follow."""
    DONE = "done"
    FAILED = "failed"
    """No attempt of this run will follow."""
    STOPPED = "stopped"
    """A selection has stopped it, or a step that it needs."""
    BLOCKED = "blocked"
    """It needs a step that has failed."""


STARTABLE = frozenset({StepState.WAITING, StepState.PAUSED, StepState.RETRYING})
"""States from which an attempt may start."""

TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    **dict.fromkeys(STARTABLE, frozenset({StepState.RUNNING, StepState.STOPPED, StepState.BLOCKED})),
    StepState.RUNNING: frozenset(
        {
            StepState.DONE,
            StepState.FAILED,
            StepState.STOPPED,
            StepState.PAUSED,
            StepState.RETRYING,
            StepState.WAITING,  # another driver holds it: it is looked at again later
        }
    ),
    StepState.DONE: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.STOPPED: frozenset({StepState.BLOCKED}),
    StepState.BLOCKED: frozenset({StepState.STOPPED}),
}
"""What may follow each state within one run of a sweep. A later run starts from what the store has."""


class WrongTransition(RuntimeError):
    """A step was moved to a state that cannot follow its own: an error in this program."""

    def __init__(self, step: str, before: StepState, after: StepState) -> None:
        super().__init__(f"{step} is {before.value} and cannot become {after.value}")
