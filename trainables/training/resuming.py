"""The states of a training: saved beside it, so that it may go on from there, carried out by others or otherwise.

A save copies what the worker holds into its host's memory; a thread then writes the copy and uploads it, while training
goes on. When all workers have written, the first one makes the state the one to resume from. The next save waits for
the one before, and so do a stop and the end.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.failure import StepFailed, failed
from trainables.store import HEAD, MODEL, Store, link_over
from trainables.training.attempt import Attempt
from trainables.training.host_group import HostGroup
from trainables.training.slices import Slice
from trainables.training.state import LossBuffer, TrainerState
from trainables.training.state_files import SavedState, write


class StateWriter:
    """Saves the states of one attempt. Every worker must make one, and must call what the others call.

    Args:
        artifact_dir: of the first worker: where the best weights so far are.
        progress: how far the attempt was when it was taken up: that need not be saved.
    """

    def __init__(self, attempt: Attempt, store: Store, artifact_dir: Path | None, progress: TrainerState) -> None:
        self._attempt, self._store, self._artifact_dir = attempt, store, artifact_dir
        self._saved = progress.step if progress.step or attempt.number == 0 else None
        self._group = HostGroup()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="states")
        self._writing: Future[None] | None = None
        self._copies: dict[str, Tensor] = {}
        if attempt.engine.disk is not None:  # so that room is missing now, if it is
            self._shares()

    @property
    def failed(self) -> bool:
        """Whether a state could not be written, as far as this worker knows; `wait` says why."""
        return self._writing is not None and self._writing.done() and self._writing.exception() is not None

    def wait(self) -> None:
        """Wait until what was saved is written. Raises what has hindered it, on whichever worker."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def save(self, progress: TrainerState) -> None:
        """Save a state between two updates, unless that was the last thing done."""
        if progress.step == self._saved:
            return
        self.wait()
        attempt, engine = self._attempt, self._attempt.engine
        self._saved = progress.step
        # Never the name of a state that may be the one to resume from.
        name = (f"attempt-{attempt.number}-" if attempt.number else "") + f"step-{progress.step}"
        note: dict[str, Any] = {
            "step": progress.step,
            "attempt": attempt.number,
            "progress": vars(progress),
            # Of each worker the losses since the last point of the curve: a stop leaves no trace in it.
            "fresh": engine.gather(vars(attempt.fresh.settled())),
        }
        slices = [self._copy(one) for one in self._shares()]
        scratch = self._store.state_scratch(attempt.recipe.id)
        if self._artifact_dir is not None:
            for part in (MODEL, HEAD):
                link_over(self._artifact_dir / part, scratch / name / part)
        copied = torch.cuda.Event() if engine.device.type == "cuda" else None
        if copied is not None:
            copied.record()
        self._writing = self._thread.submit(self._write, scratch, name, slices, deepcopy(note), copied)

    def _shares(self) -> list[Slice]:
        """What this worker writes of its slices; memory of the host for copies is taken once, for every state."""
        engine = self._attempt.engine
        shares = [one.share(engine.rank, engine.workers) for one in engine.slices()]
        for one in shares:
            if one.key not in self._copies:
                count, disk = len(one.values), engine.disk
                copy = torch.empty(count, pin_memory=one.values.is_cuda) if disk is None else disk.empty(count)
                self._copies[one.key] = copy
        return shares

    def _copy(self, one: Slice) -> Slice:
        """A slice in memory of the host."""
        self._copies[one.key].copy_(one.values, non_blocking=True)
        return replace(one, values=self._copies[one.key])

    def _write(
        self, scratch: Path, name: str, slices: list[Slice], note: dict[str, Any], copied: torch.cuda.Event | None
    ) -> None:
        step, engine = self._attempt.recipe.id, self._attempt.engine

        def mine() -> None:
            if copied is not None:
                copied.synchronize()
            write(scratch / name, engine.rank, slices, self._attempt.vocabulary)
            self._store.upload_state(step, scratch, name)

        self._together(mine)
        self._together(lambda: self._store.complete_state(step, name, note) if engine.rank == 0 else None)

    def _together(self, act: Callable[[], None]) -> None:
        """Do something on every worker; raises on all of them if it fails on one."""
        error: Exception | None = None
        try:
            with self._store.room(self._attempt.recipe.id):
                act()
        except Exception as caught:
            error = caught
        found = self._group.gather(error and (failed(error).kind, str(error)))
        if error is not None:
            raise error
        for other in found:
            if other is not None:
                raise StepFailed(*other)

    def close(self) -> None:
        """Free what it holds; nothing may be in writing."""
        self._thread.shutdown()
        self._group.close()
        self._copies.clear()


def load_state(attempt: Attempt, note: dict[str, Any], directory: Path, artifact_dir: Path | None) -> TrainerState:
    """Put a saved state, described by `note`, into `attempt`; how far it is. Every worker must call.

    Raises WrongState where this version cannot read it.
    """
    engine, state = attempt.engine, directory / note["name"]
    saved = SavedState(state, f"delete {directory} to start this step again")
    progress = TrainerState.of(note["progress"])
    saved.restore(engine.slices(), attempt.vocabulary, attempt.decay(progress.step))
    engine.loaded(progress.step)
    attempt.fresh = LossBuffer.of(note["fresh"], engine.rank, engine.workers)
    if artifact_dir is not None:
        for part in (MODEL, HEAD):
            link_over(state / part, artifact_dir / part)
    return progress
