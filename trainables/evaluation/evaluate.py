"""Evaluate steps: predictions and scores of one task, language by language, with one checkpoint.

metrics.json                        language -> metric -> value (percent); an unlabelled language has no metric
predictions/                        see `predictions`
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.data.images import completing
from trainables.data.prepare import load_split
from trainables.evaluation.inference import infer
from trainables.evaluation.predictions import write_predictions
from trainables.models.loading import load_tokenizer
from trainables.models.task_model import load_task_model
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import EvaluateRecipe
from trainables.recipe.tasks import SplitRef
from trainables.store import METRICS, PREDICTIONS, Store
from trainables.task_types import get_task_type
from trainables.task_types.modeling import ModelOutputs
from trainables.tasks.task import POOL_LANGUAGE


def evaluate(
    recipe: EvaluateRecipe,
    store: Store,
    execution: Execution,
    workdir: Path,
    check_stop: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Predict, decode and score every language, calling `check_stop` before each micro-batch: it may raise."""
    modeling = get_task_type(recipe.task.type).modeling()
    new_head = partial(modeling.new_head, task=recipe.task, dropout=0.0, execution=execution)
    model = load_task_model(recipe.model, recipe.task.name, new_head, recipe.precision, store, execution)
    device = torch.device("cuda" if torch.cuda.is_available() and execution.gpus_per_worker else "cpu")
    model.to(device)
    pad_id = load_tokenizer(recipe.model, store, execution).pad_token_id
    complete = completing(modeling.type, store, (recipe.data,))
    names = [SplitRef(**rows).name for rows in store.record(recipe.data)["recipe"]["rows"]]

    def forward(batch: dict[str, Tensor]) -> Tensor:
        check_stop()
        output: Tensor = model(batch, recipe.task.name)
        return output

    def outputs_of(split: str, language: str) -> ModelOutputs:
        features, examples = load_split(store, recipe.data, f"{split}-{language}")
        raw = infer(
            forward,
            features.to_list(),
            modeling,
            pad_id,
            execution.micro_batch_tokens,
            place=lambda batch: {name: tensor.to(device) for name, tensor in batch.items()},
            complete=complete,
        )
        return ModelOutputs(raw, features, examples, device)

    pool = {"pool": outputs_of("pool", POOL_LANGUAGE)} if f"pool-{POOL_LANGUAGE}" in names else {}
    (workdir / PREDICTIONS).mkdir()
    scores: dict[str, dict[str, float]] = {}
    for language in recipe.languages:
        outputs = outputs_of("test", language)
        context = {**pool, **({"dev": outputs_of("dev", language)} if f"dev-{language}" in names else {})}
        predictions = modeling.predict(outputs, recipe.task, context)
        scores[language] = modeling.score(predictions, outputs.examples, recipe.task, language)
        write_predictions(workdir, "test", language, predictions)
        if f"submission-{language}" in names:
            unscored = modeling.predict(outputs_of("submission", language), recipe.task, context)
            write_predictions(workdir, "submission", language, unscored)
    (workdir / METRICS).write_text(json.dumps(scores, indent=1))
    return {"metrics": scores}
