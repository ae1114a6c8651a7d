"""The loop of one worker of a training step, whatever runs it: attempts, updates, evaluations, saved states."""

from __future__ import annotations

import math
import time
from typing import Any

from trainables.host import Host, TrainReport
from trainables.models.artifact import save_artifact
from trainables.models.loading import load_tokenizer
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.store import Store
from trainables.training.attempt import Attempt
from trainables.training.resuming import load_state, save_state
from trainables.training.selection import evaluate
from trainables.training.state import AT_CHANCE, NO_NUMBER, LossBuffer, TrainerState


class Finetuning:
    """A training: one attempt at it, and further ones where the recipe asks for them and those before collapsed."""

    def __init__(self, recipe: TrainRecipe, execution: Execution, store: Store, host: Host) -> None:
        self.recipe, self.execution, self.store, self.host = recipe, execution, store, host
        self.tokenizer = load_tokenizer(recipe.start, store, execution)
        self.progress = TrainerState(len(recipe.tasks))
        state = store.load_state(recipe.id)
        self.attempt = self._begin(state[0].get("attempt", 0) if state is not None else 0)
        engine = self.attempt.engine
        names = engine.gather(state and state[0]["name"])
        if len(set(names)) > 1:
            raise RuntimeError(f"{recipe.id}: the workers find different training states ({names}); run again")
        self.artifact_dir = store.begin(recipe.id) if engine.rank == 0 else None
        if state is not None:
            self.progress = load_state(self.attempt, *state, store, self.artifact_dir)

    def _begin(self, attempt: int) -> Attempt:
        return Attempt(self.recipe, self.execution, self.store, self.tokenizer, attempt)

    def run(self) -> dict[str, Any] | None:
        """Train to the end or to early stopping and give the result; None when asked to stop (state is saved)."""
        self._clock = time.monotonic()
        while self._train():
            progress = self.progress
            if progress.collapsed is None or len(progress.attempts) >= (self.recipe.optimisation.reseed or 0):
                return self._result()
            self.progress = progress.next_attempt(self.attempt.seed)
            self.close()
            self.attempt = self._begin(len(self.progress.attempts))
        return None

    def close(self) -> None:
        """Free what the training holds."""
        self.attempt.close()

    def _train(self) -> bool:
        """Train until the attempt ends; False when asked to stop before that."""
        progress, execution = self.progress, self.execution
        self._since = progress.step, time.monotonic()
        while not self._ended:
            progress.tokens += self.attempt.update(progress.step)
            progress.step += 1
            save = progress.step % execution.state_every == 0
            if progress.step % execution.log_every == 0 or self._evaluation_due or save:
                self._log()
            if self._evaluation_due and progress.collapsed is None:
                self._evaluate()
            asked = not self._ended and self._asked_to_stop()
            if (save or asked) and not self._ended:
                self._tick()
                save_state(self.attempt, progress, self.store, self.artifact_dir)
                if asked:
                    return False
        if progress.collapsed is None and progress.at_chance:
            progress.collapse(AT_CHANCE, progress.step)
        self._tick()
        return True

    def _asked_to_stop(self) -> bool:
        """Whether the loop shall be left. The first worker asks, and all of them hear it after the same update."""
        engine = self.attempt.engine
        asked = engine.rank == 0 and self.host.should_stop() is not None
        return asked if engine.workers == 1 else engine.sum(float(asked)) > [0.0]

    @property
    def _ended(self) -> bool:
        progress, patience = self.progress, self.recipe.optimisation.patience
        patience_exhausted = patience is not None and progress.evals_without_gain >= patience
        return progress.step >= self.attempt.steps or progress.collapsed is not None or patience_exhausted

    @property
    def _evaluation_due(self) -> bool:
        step = self.progress.step
        return step % self.recipe.optimisation.evaluate_every == 0 or step == self.attempt.steps

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
            save_artifact(
                self.artifact_dir, model, self.tokenizer, {n: p.detach() for n, p in model.named_parameters()}
            )
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
            "vocabulary": None if attempt.vocabulary is None else attempt.vocabulary.record(),
            "tasks": [
                {"head": task.train_task.head, "train_features": len(task.train), "share_of_steps": share}
                for task, share in zip(attempt.tasks, attempt.sampler.shares, strict=True)
            ],
        }
