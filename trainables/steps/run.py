"""Carry out one step: do what its recipe says and put the result into the store."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainables.recipe.execution import Execution
from trainables.recipe.recipes import AnyRecipe, DataRecipe, EvaluateRecipe, TokenizerRecipe, TrainRecipe
from trainables.steps.environment import environment
from trainables.steps.host import Host, StopRequested
from trainables.store import Store


def carry_out(recipe: AnyRecipe, execution: Execution, store: Store, host: Host) -> bool:
    """Carry out `recipe` as this worker's part of it; whether it is done (false: asked to stop, state saved).

    Prepare and evaluate steps have one worker, training steps `execution.workers`, each of which calls this.
    Raises StoreError where the store cannot be written, and LeaseLost where it is another driver's turn.
    """
    # Heavy imports stay inside: the driver imports this module and carries out nothing.
    import datasets
    import transformers

    began = time.monotonic()
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    with store.room(recipe.id):
        if isinstance(recipe, TrainRecipe):
            return _train(recipe, execution, store, host, began)
        workdir = store.begin(recipe.id)
        try:
            result = _make(recipe, execution, store, host, workdir)
            store.commit(recipe.id, workdir, record_of(recipe, execution, result, began))
        except StopRequested:
            return False
        finally:
            store.free(workdir)
        return True


def _make(recipe: AnyRecipe, execution: Execution, store: Store, host: Host, workdir: Path) -> dict[str, Any]:
    """A prepare or evaluate step."""

    def check_stop() -> None:
        if reason := host.should_stop():
            raise StopRequested(reason)

    if isinstance(recipe, TokenizerRecipe):
        from trainables.data.prepare import prepare_tokenizer

        return prepare_tokenizer(recipe, execution, workdir)
    if isinstance(recipe, DataRecipe):
        from trainables.data.prepare import prepare_data

        return prepare_data(recipe, store, execution, workdir, check_stop)
    assert isinstance(recipe, EvaluateRecipe)
    from trainables.evaluation.evaluate import evaluate

    return evaluate(recipe, store, execution, workdir, check_stop)


def _train(recipe: TrainRecipe, execution: Execution, store: Store, host: Host, began: float) -> bool:
    from trainables.training.loop import Finetuning

    finetuning = Finetuning(recipe, execution, store, host)
    workdir = finetuning.artifact_dir
    try:
        result = finetuning.run()
        if result is not None and workdir is not None:
            store.commit(recipe.id, workdir, record_of(recipe, execution, result, began))
    finally:
        if workdir is not None:
            store.free(workdir)
    finetuning.engine.close()
    return result is not None


def record_of(recipe: AnyRecipe, execution: Execution, result: dict[str, Any], began: float) -> dict[str, Any]:
    """What the store keeps of a done step."""
    return {
        "fingerprint": recipe.fingerprint,
        "recipe": recipe.model_dump(mode="json"),
        "execution": execution.model_dump(mode="json"),
        "result": result,
        "environment": environment(execution).model_dump(mode="json"),
        "seconds": round(time.monotonic() - began, 3),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
