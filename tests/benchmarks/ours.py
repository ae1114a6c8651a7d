"""Our training loop, in this process, without Ray; whole, and with one thing less of what makes it fast."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
import torch
from common import forget_peak, moment, peak_memory
from rows import WORKS, Job
from transformers.utils import logging as transformers_logging

from trainables.host import TrainReport
from trainables.models import native
from trainables.models.packing import Packing
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import TrainRecipe
from trainables.recipe.tasks import Selection, TaskSpec, TrainTask
from trainables.store import Store
from trainables.training.batches import Batch, Prefetcher
from trainables.training.engine import Engine
from trainables.training.loop import Finetuning


class Silent:
    """A host that nobody listens to."""

    def report(self, report: TrainReport) -> None:
        pass

    def should_stop(self) -> str | None:
        return None


@contextmanager
def unfused() -> Iterator[None]:
    """AdamW and the clip by torch's many-tensor operations."""
    made = torch.optim.AdamW.__init__

    def without(self: torch.optim.AdamW, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **{**options, "fused": False, "foreach": True})

    def clipped(engine: Engine) -> None:
        torch.nn.utils.clip_grad_norm_(engine.model.parameters(), engine._clip, foreach=True)

    with patch.object(torch.optim.AdamW, "__init__", without), patch.object(Engine, "_clipping", clipped):
        yield


def built_when_asked(self: Prefetcher, step: int) -> Batch:
    """A batch that nobody built ahead."""
    return self._build(step)


@dataclass(frozen=True)
class Way:
    """A way to carry a training out."""

    execution: Mapping[str, Any] = field(default_factory=dict)
    without: Callable[[], Any] | None = None


WAYS: dict[str, Way] = {
    "ours": Way(),
    "ours, compiled": Way({"compile": True}),
    "ours, stage 2": Way({"zero_stage": 2}),
    "ours, whole vocabulary": Way({"trim_vocabulary": False}),
    "ours, padded": Way(without=lambda: patch.object(Packing, "of", classmethod(lambda cls, batch: None))),
    "ours, torch's kernels": Way(without=lambda: patch.object(native, "library", lambda: None)),
    "ours, AdamW unfused": Way(without=unfused),
    "ours, no prefetch": Way(without=lambda: patch.object(Prefetcher, "take", built_when_asked)),
}


def ours(
    job: Job, recipe: TrainRecipe, store: Store, model: Path, way: Way, profile: Path | None = None
) -> dict[str, float]:
    """Seconds of an update by the wall's clock and the processor's, and peak memory in GiB.

    Args:
        profile: where to write what an update spends its time on.
    """
    gpus = {"gpus_per_worker": 1} if torch.cuda.is_available() else {}
    paths = {recipe.start.sha256: str(model)}  # type: ignore[union-attr]
    execution = Execution(model_paths=paths, micro_batch_tokens=32_768, **gpus, **way.execution)
    if way.without is None:
        return _timed(job, recipe, execution, store, profile)
    with way.without():
        return _timed(job, recipe, execution, store, profile)


def _timed(job: Job, recipe: TrainRecipe, execution: Execution, store: Store, profile: Path | None) -> dict[str, float]:
    training = Finetuning(recipe, execution, store, Silent())
    update = training.attempt.update
    for step in range(job.warm_up):
        update(step)
    forget_peak()
    wall, cpu = moment(), time.process_time()
    for step in range(job.warm_up, job.warm_up + job.updates):
        update(step)
    wall, cpu = moment() - wall, time.process_time() - cpu
    memory = peak_memory()
    if profile is not None:
        _profiled(lambda: update(job.warm_up + job.updates - 1), profile)
    training.close()
    if training.artifact_dir is not None:
        store.free(training.artifact_dir)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return {"seconds": wall / job.updates, "cpu": cpu / job.updates, "memory": memory}


def _profiled(update: Callable[[], Any], to: Path) -> None:
    gpu = torch.cuda.is_available()
    activities = [torch.profiler.ProfilerActivity.CPU, *([torch.profiler.ProfilerActivity.CUDA] if gpu else [])]
    with torch.profiler.profile(activities=activities) as profile:
        update()
        moment()
    by = "self_cuda_time_total" if gpu else "self_cpu_time_total"
    to.write_text(profile.key_averages().table(sort_by=by, row_limit=40, max_name_column_width=60))


def prepared(store: Store, job: Job, features: list[dict[str, Any]]) -> TrainRecipe:
    """A recipe whose features are in the store."""
    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    kind = WORKS[job.work]
    task = TaskSpec(name="bench", version=1, type=kind.type, source="files", labels=kind.labels)
    made = store.begin("bench-data")
    for split, count in (("train", len(features)), ("dev", 1)):
        part = datasets.Dataset.from_list([{**row, "example": i} for i, row in enumerate(features[:count])])
        part.save_to_disk(made / f"{split}-en" / "features")
        examples = datasets.Dataset.from_list([{"id": str(i)} for i in range(count)])
        examples.save_to_disk(made / f"{split}-en" / "examples")
    rows = [{"split": split, "language": "en", "revision": "bench"} for split in ("train", "dev")]
    store.commit("bench-data", made, {"recipe": {"rows": rows}, "result": {}})
    part = TrainTask(task=task, data=("bench-data",), head="bench", select=Selection(metrics=("accuracy",)))
    settings = Optimisation(
        batch_size=job.batch,
        steps=1000,
        dropout=job.dropout,
        attention_dropout=job.dropout,
        precision=job.precision,
        weight_decay=0.01,
    )
    return TrainRecipe(tasks=(part,), start=LocalModel(sha256="0" * 64), optimisation=settings, seed=1)
