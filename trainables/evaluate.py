"""Evaluate steps: predictions and scores of one task, language by language, with one checkpoint.

metrics.json                        language -> metric -> value (percent); an unlabelled language has no metric
predictions/<language>.jsonl        one {"id", "prediction"} per example
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from .families import get_family
from .inference import infer
from .model import load_task_model, load_tokenizer
from .prepare import load_part
from .recipe import EvaluateRecipe, Execution
from .store import METRICS, PREDICTIONS, Store


def evaluate(recipe: EvaluateRecipe, store: Store, execution: Execution, made: Path) -> dict[str, Any]:
    """Predict, decode and score every language of the recipe."""
    family = get_family(recipe.task.family)
    model = load_task_model(recipe.model, family, recipe.task, store, execution)
    device = torch.device("cuda" if torch.cuda.is_available() and execution.gpus_per_worker else "cpu")
    model.to(device)
    pad_id = load_tokenizer(recipe.model, store, execution).pad_token_id
    (made / PREDICTIONS).mkdir()
    scores: dict[str, dict[str, float]] = {}
    for language in recipe.languages:
        features, examples = load_part(store, recipe.data, f"test-{language}")
        raw = infer(
            lambda batch: model({name: tensor.to(device) for name, tensor in batch.items()}).cpu(),
            features.to_list(),
            family,
            pad_id,
            execution.micro_batch_tokens,
        )
        predictions = family.predict(raw, features, examples, recipe.task)
        scores[language] = family.score(predictions, examples, recipe.task)
        with (made / PREDICTIONS / f"{language}.jsonl").open("w", encoding="utf-8") as file:
            for name, prediction in predictions.items():
                file.write(json.dumps({"id": name, "prediction": prediction}, ensure_ascii=False) + "\n")
    (made / METRICS).write_text(json.dumps(scores, indent=1))
    return {"metrics": scores}
