"""The loop of one worker of a training step, whatever runs it.

Global batches, dropout and noise are functions of (recipe, step number); the loss is the mean over the global batch;
the dev metric is computed over all workers' predictions. So the numbers are those of the recipe, up to the order in
which floating-point numbers are added, for any number of workers, any ZeRO stage and any micro-batch.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.evaluation.inference import infer
from trainables.host import Host, TrainReport
from trainables.metrics.collapse_detection import GRACE
from trainables.models.artifact import save_artifact
from trainables.models.loading import load_backbone, load_tokenizer
from trainables.models.task_model import TaskModel, new_task_model
from trainables.models.vocabulary import TrimmedVocabulary, can_trim, subwords_in
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TrainRecipe
from trainables.store import HEAD, MODEL, Store, copy_over
from trainables.training.batches import BatchBuilder, Prefetcher
from trainables.training.engine import Engine
from trainables.training.learning_rate import warmup_then_decay
from trainables.training.state import AT_CHANCE, NO_NUMBER, LossBuffer, StateLayout, TrainerState, seed_of
from trainables.training.task_data import TaskData, TaskSampler, new_heads


class Finetuning:
    """A training: one attempt at it, and further ones where the recipe asks for them and those before collapsed."""

    def __init__(self, recipe: TrainRecipe, execution: Execution, store: Store, host: Host) -> None:
        self.recipe, self.execution, self.store, self.host = recipe, execution, store, host
        self.tokenizer = load_tokenizer(recipe.start, store, execution)
        self.progress = TrainerState(len(recipe.tasks))
        state = store.load_state(recipe.id)
        self._begin(state[0].get("attempt", 0) if state is not None else 0)
        names = self.engine.gather(state and state[0]["name"])
        if len(set(names)) > 1:
            raise RuntimeError(f"{recipe.id}: the workers find different training states ({names}); run again")
        self.artifact_dir = store.begin(recipe.id) if self.engine.rank == 0 else None
        if state is not None:
            self._resume(*state)

    def _begin(self, attempt: int) -> None:
        """Set up what depends on the attempt's seed."""
        recipe, optimisation = self.recipe, self.recipe.optimisation
        self.seed = seed_of(recipe.seed, attempt)
        self.tasks = [TaskData(task, optimisation, self.seed, self.store, self.tokenizer) for task in recipe.tasks]
        model = self._untrained()
        self.vocabulary = self._trimmed(model) if self.execution.trim_vocabulary else None
        self.engine = Engine(model, optimisation, self.execution)
        if self.vocabulary is not None and self.engine.rank:
            self.vocabulary.forget_rest()
        rows = [len(task.train) for task in self.tasks]
        self.sampler = TaskSampler(recipe.tasks, rows, recipe.sampling, optimisation, self.seed)
        self.steps = self.sampler.steps
        self._fresh = LossBuffer(len(self.tasks))
        build = BatchBuilder(
            self.tasks,
            self.sampler,
            self.tokenizer.pad_token_id,
            self.execution,
            self.engine.rank,
            pin=self.engine.device.type == "cuda",
        )
        self.batches = Prefetcher(build, self.steps)

    def _untrained(self) -> TaskModel:
        backbone = load_backbone(self.recipe.start, self.store, self.execution)
        optimisation = self.recipe.optimisation
        return new_task_model(backbone, new_heads(self.recipe.tasks, optimisation.dropout), optimisation, self.seed)

    def _trimmed(self, model: TaskModel) -> TrimmedVocabulary | None:
        """Trim the table of subwords to those that the rows have; None where all of it must be trained."""
        if any(task.modeling.whole_vocabulary for task in self.tasks) or not can_trim(model):
            return None
        special = (*self.tokenizer.all_special_ids, self.tokenizer.pad_token_id)
        vocabulary = model.backbone.get_input_embeddings().num_embeddings
        return TrimmedVocabulary(model, subwords_in((task.subwords() for task in self.tasks), special, vocabulary))

    # --- the loop --------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any] | None:
        """Train to the end or to early stopping and give the result; None when asked to stop (state is saved)."""
        self._clock = time.monotonic()
        while self._attempt():
            progress = self.progress
            if progress.collapsed is None or len(progress.attempts) >= (self.recipe.optimisation.reseed or 0):
                return self._result()
            self.progress = progress.next_attempt(self.seed)
            self.close()
            self._begin(len(self.progress.attempts))
        return None

    def close(self) -> None:
        """Free what the attempt holds."""
        self.batches.close()
        self.engine.close()

    def _attempt(self) -> bool:
        """Train until the attempt ends; False when asked to stop before that."""
        progress, execution = self.progress, self.execution
        self._since = progress.step, time.monotonic()
        while not self._ended:
            self._update(progress.step)
            progress.step += 1
            save = progress.step % execution.state_every == 0
            if progress.step % execution.log_every == 0 or self._evaluation_due or save:
                self._log()
            if self._evaluation_due and progress.collapsed is None:
                self._evaluate()
            asked = not self._ended and self._asked_to_stop()
            if (save or asked) and not self._ended:
                self._save_state()
                if asked:
                    return False
        if progress.collapsed is None and progress.at_chance:
            progress.collapse(AT_CHANCE, progress.step)
        self._tick()
        return True

    def _asked_to_stop(self) -> bool:
        """Whether the loop shall be left. The first worker asks, and all of them hear it after the same update."""
        asked = self.engine.rank == 0 and self.host.should_stop() is not None
        return asked if self.engine.workers == 1 else self.engine.sum(float(asked)) > [0.0]

    @property
    def _ended(self) -> bool:
        progress, patience = self.progress, self.recipe.optimisation.patience
        patience_exhausted = patience is not None and progress.evals_without_gain >= patience
        return progress.step >= self.steps or progress.collapsed is not None or patience_exhausted

    def _tick(self) -> None:
        """Book the time since the last call."""
        now = time.monotonic()
        self.progress.seconds, self._clock = self.progress.seconds + now - self._clock, now

    def _result(self) -> dict[str, Any]:
        progress = self.progress
        if progress.best is None and self.artifact_dir is not None:
            # It collapsed before any evaluation: what it leaves is what it began with, under its new head.
            model = self._untrained()
            save_artifact(
                self.artifact_dir, model, self.tokenizer, {n: p.detach() for n, p in model.named_parameters()}
            )
        return {
            "steps": progress.step,
            "steps_planned": self.steps,
            "stopped_early": progress.step < self.steps,
            "best": progress.best,
            "dev": progress.dev,
            "losses": progress.losses,
            "throughput": progress.throughput,
            "collapsed": progress.collapsed,
            "attempts": [*progress.attempts, progress.record(self.seed)],
            "train_seconds": round(progress.seconds, 3),
            "tokens": progress.tokens,
            "vocabulary": None if self.vocabulary is None else self.vocabulary.record(),
            "tasks": [
                {"head": task.train_task.head, "train_features": len(task.train), "share_of_steps": share}
                for task, share in zip(self.tasks, self.sampler.shares, strict=True)
            ],
        }

    def _update(self, step: int) -> None:
        """One update; its share of the mean loss over the global batch (nats) is kept for the log."""
        engine, batch = self.engine, self.batches.take(step)
        task = self.tasks[batch.task]
        self.progress.tokens += batch.tokens
        engine.set_learning_rate(self._rate(step))
        engine.model.at_update(step)
        total = torch.zeros((), device=engine.device)
        for i, micro_batch in enumerate(batch.micro_batches):
            inputs = engine.place(micro_batch.inputs)
            loss = task.modeling.loss(engine.forward(inputs, task.train_task.head), inputs) * micro_batch.weight
            engine.backward(loss, last=i == len(batch.micro_batches) - 1)
            total += loss.detach()
        self._fresh.add(batch.task, total, step + 1)

    def _log(self) -> None:
        """Add a point to the loss curve."""
        progress, fresh = self.progress, self._fresh
        sums = self.engine.sum(*fresh.settled().sums)
        if all(map(math.isfinite, sums)):
            progress.log(sums, fresh.steps)
        else:
            # Everyone sees that, so everyone asks at which step it was.
            found = [step for step in self.engine.gather(fresh.broken) if step is not None]
            progress.collapse(NO_NUMBER, min(found, default=progress.step))
        self._fresh = LossBuffer(len(self.tasks))

    # --- selection -------------------------------------------------------------------------------------------

    @property
    def _evaluation_due(self) -> bool:
        return self.progress.step % self.recipe.optimisation.evaluate_every == 0 or self.progress.step == self.steps

    def _evaluate(self) -> None:
        """Score the dev rows, keep the weights if they are the best yet, and report.

        Of several tasks, the mean of their selection values decides.
        """
        progress, optimisation = self.progress, self.recipe.optimisation
        metrics: dict[str, float] = {}
        values, at_chance, loss_decreased = [], True, False
        for task, before, loss in zip(self.tasks, progress.before, progress.mean_losses(), strict=True):
            if task.train_task.select is None:
                continue
            raw = self._raw(task)
            if raw is None:
                progress.collapse(NO_NUMBER, progress.step)
                return
            scores, value = task.score(raw, self.engine.device)
            name = f"{task.train_task.task.title}/" if len(self.tasks) > 1 else ""
            metrics |= {name + metric: score for metric, score in scores.items()}
            values.append(value)
            at_chance &= task.at_chance(scores, loss)
            loss_decreased |= task.loss_decreased(before, loss)
        value = sum(values) / len(values)
        if progress.evaluated(value, metrics, optimisation.min_gain):
            weights = self.engine.weights()
            if self.artifact_dir is not None:
                if self.vocabulary is not None:
                    self.vocabulary.restore(weights, self._decay())
                save_artifact(self.artifact_dir, self.engine.model, self.tokenizer, weights)
        progress.update_collapse(
            at_chance, loss_decreased, max(optimisation.warmup, GRACE) * self.steps, optimisation.collapse_patience
        )
        self._tick()
        progress.throughput.append(self._pace())
        at, since = self._since
        self.host.report(
            TrainReport(
                global_step=progress.step,
                global_steps=self.steps,
                steps_per_second=(progress.step - at) / max(self._clock - since, 1e-9),
                dev_value=value,
                dev=metrics,
                curve=tuple((int(point["step"]), point["value"]) for point in progress.dev),
                losses=tuple(progress.losses[progress.reported :]),
                **{name: number for name, number in progress.throughput[-1].items() if name != "step"},
            )
        )
        progress.reported = len(progress.losses)

    def _pace(self) -> dict[str, float]:
        """How training goes, beside its scores."""
        progress, memory = self.progress, self.engine.peak_memory()
        return {
            "step": progress.step,
            "learning_rate": self._rate(progress.step - 1),
            "tokens_per_second": progress.tokens / max(progress.seconds, 1e-9),
            **({} if memory is None else {"gpu_memory_gib": memory}),
        }

    def _rate(self, step: int) -> float:
        """The learning rate of the update `step` (from 0)."""
        optimisation = self.recipe.optimisation
        return optimisation.learning_rate * warmup_then_decay(step, self.steps, optimisation.warmup)

    def _decay(self) -> float:
        """What weight decay alone has multiplied a weight by since training began."""
        decay = self.recipe.optimisation.weight_decay
        return math.prod(1.0 - self._rate(step) * decay for step in range(self.progress.step))

    def _raw(self, task: TaskData) -> list[Any] | None:
        """What the model says of a task's dev rows; None where that is no number."""
        engine, broken = self.engine, 0

        def forward(batch: dict[str, Tensor]) -> Tensor:
            nonlocal broken
            output = engine.forward(batch, task.train_task.head)
            if not torch.isfinite(output).all():
                broken += 1
                return torch.zeros_like(output)
            return output

        engine.training(False)
        raw = infer(
            forward,
            task.dev_rows,
            task.modeling,
            self.tokenizer.pad_token_id,
            self.execution.micro_batch_tokens,
            engine.gather,
            engine.rank,
            engine.workers,
            engine.place,
        )
        engine.training(True)
        return raw if engine.sum(float(broken)) == [0.0] else None

    # --- resuming --------------------------------------------------------------------------------------------

    def _save_state(self) -> None:
        self._tick()
        progress, attempt = self.progress, len(self.progress.attempts)
        # Never the name of a state that may be the one to resume from.
        name = (f"attempt-{attempt}-" if attempt else "") + f"step-{progress.step}"
        scratch = self.store.state_scratch(self.recipe.id)
        # Of each worker the losses since the last point of the curve: a stop leaves no trace in it.
        fresh = self.engine.gather(vars(self._fresh.settled()))
        self.engine.save_state(scratch, name, {"loop_progress": vars(progress), "loop_fresh": fresh})
        if self.artifact_dir is not None:
            for part in (MODEL, HEAD):
                copy_over(self.artifact_dir / part, scratch / name / part)
        self.store.upload_state(self.recipe.id, scratch, name)
        self.engine.gather(None)  # everyone has written
        if self.engine.rank == 0:
            curves = {
                "losses": progress.losses,
                "dev": progress.dev,
                "throughput": progress.throughput,
            }  # for whoever looks
            note = {"step": progress.step, "attempt": attempt, **asdict(self._layout), **curves}
            self.store.complete_state(self.recipe.id, name, note)

    @property
    def _layout(self) -> StateLayout:
        kept = None if self.vocabulary is None else len(self.vocabulary.kept)
        return StateLayout(self.engine.workers, self.engine.stage, kept)

    def _resume(self, note: dict[str, Any], directory: Path) -> None:
        self._layout.require(note, self.recipe.id, directory)
        state = self.engine.load_state(directory, note["name"])
        self.progress = TrainerState(**state["loop_progress"])
        if "loop_fresh" in state:  # states of earlier versions have none
            vars(self._fresh).update(state["loop_fresh"][self.engine.rank])
        if self.artifact_dir is not None:
            for part in (MODEL, HEAD):
                copy_over(directory / note["name"] / part, self.artifact_dir / part)
        self.store.free(directory)
