"""Saving a training beside its store record, and going on from there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainables.store import HEAD, MODEL, Store, copy_over
from trainables.training.attempt import Attempt
from trainables.training.state import StateLayout, TrainerState


def save_state(attempt: Attempt, progress: TrainerState, store: Store, artifact_dir: Path | None) -> None:
    """Write the training's state and make it the one to resume from. Every worker must call."""
    step, engine = attempt.recipe.id, attempt.engine
    # Never the name of a state that may be the one to resume from.
    name = (f"attempt-{attempt.number}-" if attempt.number else "") + f"step-{progress.step}"
    scratch = store.state_scratch(step)
    # Of each worker the losses since the last point of the curve: a stop leaves no trace in it.
    fresh = engine.gather(vars(attempt.fresh.settled()))
    engine.save_state(scratch, name, {"loop_progress": vars(progress), "loop_fresh": fresh})
    if artifact_dir is not None:
        for part in (MODEL, HEAD):
            copy_over(artifact_dir / part, scratch / name / part)
    store.upload_state(step, scratch, name)
    engine.gather(None)  # everyone has written
    if engine.rank == 0:
        curves = {
            "losses": progress.losses,
            "dev": progress.dev,
            "throughput": progress.throughput,
        }  # for whoever looks
        note = {"step": progress.step, "attempt": attempt.number, **asdict(_layout(attempt)), **curves}
        store.complete_state(step, name, note)


def load_state(
    attempt: Attempt, note: dict[str, Any], directory: Path, store: Store, artifact_dir: Path | None
) -> TrainerState:
    """Put a saved state, described by `note`, into `attempt`; how far it is. Every worker must call.

    Raises StateMismatch where it has another layout.
    """
    _layout(attempt).require(note, attempt.recipe.id, directory)
    state = attempt.engine.load_state(directory, note["name"])
    if "loop_fresh" in state:  # states of earlier versions have none
        vars(attempt.fresh).update(state["loop_fresh"][attempt.engine.rank])
    if artifact_dir is not None:
        for part in (MODEL, HEAD):
            copy_over(directory / note["name"] / part, artifact_dir / part)
    store.free(directory)
    return TrainerState(**state["loop_progress"])


def _layout(attempt: Attempt) -> StateLayout:
    kept = None if attempt.vocabulary is None else len(attempt.vocabulary.kept)
    return StateLayout(attempt.engine.workers, attempt.engine.stage, kept)
