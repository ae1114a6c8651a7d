"""The files of predictions that an evaluate step leaves: one line of JSON, {"id", "prediction"}, for each example.

predictions/<language>.jsonl               of the rows that are scored
predictions/submission-<language>.jsonl    of a test set without labels, where other rows are scored
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.store import PREDICTIONS, Store
from trainables.tasks.task import Split


def write_predictions(folder: Path, split: Split, language: str, predictions: Mapping[str, Any]) -> None:
    """Write predictions by example id; `folder`: of the step."""
    with (folder / _name(split, language)).open("w", encoding="utf-8") as file:
        for name, prediction in predictions.items():
            file.write(json.dumps({"id": name, "prediction": prediction}, ensure_ascii=False) + "\n")


def read_predictions(store: Store, step: str, language: str, split: Split = "test") -> dict[str, Any]:
    """Predictions of a done step, by example id."""
    text = (store.path(step) / _name(split, language)).read_text(encoding="utf-8")
    # Not splitlines(): an answer may hold other characters that end lines. One list is read in a quarter of the time.
    lines = ",".join(filter(None, text.split("\n")))
    return {one["id"]: one["prediction"] for one in json.loads(f"[{lines}]")}


def _name(split: Split, language: str) -> str:
    return f"{PREDICTIONS}/{language if split == 'test' else f'{split}-{language}'}.jsonl"
