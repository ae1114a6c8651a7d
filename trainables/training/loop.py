"""The loop of one worker of a training step, whatever runs it: attempts, updates, evaluations, saved states."""

from __future__ import annotations

import math
import time
from enum import IntEnum
from typing import Any

from trainables.host import Host, StopRequested, TrainReport
from trainables.models.artifact import save_artifact
from trainables.models.loading import load_tokenizer
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.store import Store
from trainables.training.attempt import Attempt
from trainables.training.host_group import HostGroup
from trainables.training.resuming import StateWriter, load_state
from trainables.training.selection import evaluate
from trainables.training.state import AT_CHANCE, NO_NUMBER, LossBuffer, TrainerState


class _Found(IntEnum):
    """What a worker knows when all of them look whether to go on; the largest number decides."""

    NOTHING = 0
    ASKED = 1
    WRITING_FAILED = 2


class Finetuning:
    """A training: one attempt at it, and further ones where the recipe asks for them and those before collapsed."""

    def __init__(self, recipe: TrainRecipe, execution: Execution, store: Store, host: Host) -> None:
        self.recipe, self.execution, self.store, self.host = recipe, execution, store, host
        self.tokenizer = load_tokenizer(recipe.start, store, execution)
        self.progress = TrainerState(len(recipe.tasks))
        state = store.load_state(recipe.id)
        self.attempt = self._begin(state[0].get("attempt", 0) if state is not None else 0)
        engine = self.attempt.engine
        self._workers = HostGroup()
        names = self._workers.gather(state and state[0]["name"])
        if len(set(names)) > 1:
            raise RuntimeError(f"{recipe.id}: the workers find different training states ({names}); run again")
        self.artifact_dir = store.begin(recipe.id) if engine.rank == 0 else None
        if state is not None:
            note, directory = state
            self.progress = load_state(self.attempt, note, directory, self.artifact_dir)
            store.free(directory)
        self.states = StateWriter(self.attempt, store, self.artifact_dir, self.progress)

    def _begin(self, attempt: int) -> Attempt:
        return Attempt(self.recipe, self.execution, self.store, self.tokenizer, attempt, self._check_stop)

    def run(self) -> dict[str, Any] | None:
        """Train to the end or to early stopping and give the result; None when asked to stop (state is saved)."""
        self._clock = time.monotonic()
        while self._train():
            progress = self.progress
            if progress.collapsed is None or len(progress.attempts) >= (self.recipe.optimisation.reseed or 0):
                return self._result()
            self.progress = progress.next_attempt(self.attempt.seed)
            self._end_attempt()
            self.attempt = self._begin(len(self.progress.attempts))
            self.states = StateWriter(self.attempt, self.store, self.artifact_dir, self.progress)
        return None

    def close(self) -> None:
        """Free what the training holds."""
        self._end_attempt()
        self._workers.close()

    def _end_attempt(self) -> None:
        self.states.close()
        self.attempt.close()

    def _train(self) -> bool:
        """Train until the attempt ends; False when asked to stop before that."""
        progress = self.progress
        self._since = progress.step, time.monotonic()
        try:
            while not self._ended:
                self._go_on()
        except StopRequested:
            self._tick()
            self.states.save(progress)
        self.states.wait()
        if not self._ended:
            return False
        if progress.collapsed is None and progress.at_chance:
            progress.collapse(AT_CHANCE, progress.step)
        self._tick()
        return True

    def _go_on(self) -> None:
        """One update, and what is due after it; or, where a stop came before the evaluation of the last one, that."""
        progress, execution = self.progress, self.execution
        save = False
        if not self._evaluation_due:
            progress.tokens += self.attempt.update(progress.step)
            progress.updated(**self.attempt.layout)
            save = progress.step % execution.state_every == 0
            if progress.step % execution.log_every == 0 or self._evaluation_due or save:
                self._log()
        if self._evaluation_due:
            self._evaluate()
        if not self._ended:
            if save:
                self._tick()
                self.states.save(progress)
            self._check_stop()

    def _check_stop(self) -> None:
        """Raise StopRequested where the host asks to leave, and what has hindered a state from being written: on every
        worker at the same place. The first worker alone asks the host."""
        asked = self.attempt.engine.rank == 0 and self.host.should_stop() is not None
        mine = _Found.WRITING_FAILED if self.states.failed else _Found.ASKED if asked else _Found.NOTHING
        found = self._workers.most(mine)
        if found == _Found.WRITING_FAILED:
            self.states.wait()
        if found == _Found.ASKED:
            raise StopRequested

    @property
    def _ended(self) -> bool:
        progress, patience = self.progress, self.recipe.optimisation.patience
        patience_exhausted = patience is not None and progress.evals_without_gain >= patience
        over = progress.step >= self.attempt.steps or progress.collapsed is not None or patience_exhausted
        return over and not self._evaluation_due

    @property
    def _evaluation_due(self) -> bool:
        """Whether the model of the last update is to be evaluated, and was not yet."""
        progress = self.progress
        if progress.collapsed is not None or not progress.step:
            return False
        due = progress.step % self.recipe.optimisation.evaluate_every == 0 or progress.step == self.attempt.steps
        return due and not (progress.dev and progress.dev[-1]["step"] == progress.step)

    def _tick(self) -> None:
        """Book the time since the last call."""
        now = time.monotonic()
        self.progress.seconds, self._clock = self.progress.seconds + now - self._clock, now

    def _log(self) -> None:
        """Add a point to the loss curve."""
        progress, fresh, engine = self.progress, self.attempt.fresh, self.attempt.engine
        sums = engine.sum(*fresh.settled().sums)
        if all(map(math.isfinite, sums)):
            progress.log(sums, fresh.steps)
        else:
            # Everyone sees that, so everyone asks at which step it was.
            found = [step for step in engine.gather(fresh.broken) if step is not None]
            progress.collapse(NO_NUMBER, min(found, default=progress.step))
        self.attempt.fresh = LossBuffer(len(self.attempt.tasks))

    def _evaluate(self) -> None:
        """Score the dev rows, keep the weights if they are the best yet, and report."""
        metrics = evaluate(self.attempt, self.progress, self.artifact_dir)
        if metrics is not None:
            self._tick()
            self._report(metrics)

    def _report(self, metrics: dict[str, float]) -> None:
        """Tell the host how training goes, after an evaluation."""
        progress, memory = self.progress, self.attempt.engine.peak_memory()
        pace = {
            "learning_rate": self.attempt.rate(progress.step - 1),
            "tokens_per_second": progress.tokens / max(progress.seconds, 1e-9),
            **({} if memory is None else {"gpu_memory_gib": memory}),
        }
        progress.throughput.append({"step": progress.step, **pace})
        at, since = self._since
        self.host.report(
            TrainReport(
                global_step=progress.step,
                global_steps=self.attempt.steps,
                steps_per_second=(progress.step - at) / max(self._clock - since, 1e-9),
                dev_value=progress.dev[-1]["value"],
                dev=metrics,
                curve=tuple((int(point["step"]), point["value"]) for point in progress.dev),
                losses=tuple(progress.losses[progress.reported :]),
                **pace,
            )
        )
        progress.reported = len(progress.losses)

    def _result(self) -> dict[str, Any]:
        progress, attempt = self.progress, self.attempt
        if progress.best is None and self.artifact_dir is not None:
            # It collapsed before any evaluation: what it leaves is what it began with, under its new head.
            model = attempt.untrained()
            weights = {name: parameter.detach() for name, parameter in model.kept_parameters()}
            save_artifact(self.artifact_dir, model, self.tokenizer, weights, attempt.base)
        return {
            "steps": progress.step,
            "steps_planned": attempt.steps,
            "stopped_early": progress.step < attempt.steps,
            "best": progress.best,
            "dev": progress.dev,
            "losses": progress.losses,
            "throughput": progress.throughput,
            "collapsed": progress.collapsed,
            "attempts": [*progress.attempts, progress.record(attempt.seed)],
            "train_seconds": round(progress.seconds, 3),
            "tokens": progress.tokens,
            "layouts": progress.layouts,
            **({"dropped": dropped} if (dropped := attempt.engine.model.dropped) else {}),
            "adaptation": attempt.adaptation,
            "vocabulary": attempt.vocabulary.record() if attempt.vocabulary and attempt.vocabulary.trained else None,
            "tasks": [
                {"head": task.train_task.head, "train_features": len(task.train), "share_of_steps": share}
                for task, share in zip(attempt.tasks, attempt.sampler.shares, strict=True)
            ],
        }
