"""A sweep that asks every question, with made-up predictions: what is true of it is written down here.

Three sizes of one family, the largest called the multimodal twin of the next; NLI in English, in Swahili, in both, and
another set of it as intermediates; both sets and a noisy copy of the first as targets, in four languages.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

LANGUAGES = ("en", "de", "sw", "yo")
LABELS = ("yes", "no", "maybe")
SIZES = {"tiny-a": 16, "tiny-b": 32, "tiny-c": 64}
ROWS = 150
PER_SIZE = 6.0
"""Points that each model is better than the next smaller one."""
OWN_GAIN = 14.0
"""Points that the Swahili intermediate adds in Swahili, beyond the English one."""
DROPS = {"none": 16.0, "toy-nli": 6.0, "toy-nli@sw": 10.0, "toy-both": 8.0, "toy-more": 12.0}
"""Points that noise takes, by intermediate."""
BEST_ON_DEV = "toy-both"
"""The intermediate with the highest score on dev rows of the training language."""
START = {"en": 62.0, "de": 56.0, "sw": 44.0, "yo": 38.0}


def truth(model: str, intermediate: str, target: str, language: str) -> float:
    """The chance of a right answer, in percent."""
    value = START[language] + PER_SIZE * list(SIZES).index(model) + 3.0 * (intermediate != "none")
    value += OWN_GAIN * (language == "sw") * {"toy-nli@sw": 1.0, "toy-both": 0.6}.get(intermediate, 0.0)
    return value - DROPS[intermediate] * (target == "toy-noisy")


def fields(root: Path) -> dict[str, Any]:
    """The sweep file; writes its tasks and their rows below `root`."""
    rng = np.random.default_rng(5)
    spelling = {one: one for one in LANGUAGES}
    for name in ("toy-nli", "toy-more", "toy-noisy"):
        trained = name != "toy-noisy"
        rows: dict[str, Any] = {"test": f"{name}/test-{{language}}.jsonl"}
        if trained:
            rows |= {"train": f"{name}/train-{{language}}.jsonl", "dev": f"{name}/dev-{{language}}.jsonl"}
        task: dict[str, Any] = {
            "name": name,
            "type": "pair-classification",
            "languages": spelling,
            "labels": list(LABELS),
            "rows": rows,
            "licence": "made up",
        }
        task |= {"train_languages": ["en", "sw"]} if trained else {"trains_on": "toy-nli", "clean_of": "toy-nli"}
        (root / name).mkdir(parents=True)
        (root / f"{name}.yaml").write_text(yaml.safe_dump(task, sort_keys=False))
        for language in LANGUAGES:
            write_rows(root / name / f"test-{language}.jsonl", ROWS, name, np.random.default_rng(3))
            for split in ("train", "dev"):
                if trained:
                    write_rows(root / name / f"{split}-{language}.jsonl", 16, f"{name} {split}", rng)
    models = {
        name: {
            "architecture": {
                "hidden_size": size,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "intermediate_size": 2 * size,
                "max_position_embeddings": 130,
            },
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 400},
            "family": "tiny",
            "seen": ["en", "de", "sw"],
        }
        for name, size in SIZES.items()
    }
    models["tiny-c"]["twin"] = "tiny-b"
    return {
        "sweep": "asked",
        "question": ["scale", "low-resource", "robustness", "multimodal", "intermediates"],
        "tasks": [str(root / f"{name}.yaml") for name in ("toy-nli", "toy-more", "toy-noisy")],
        "models": models,
        "intermediates": [
            *("none", "toy-nli", "toy-nli@sw", "toy-more"),
            {"name": "toy-both", "tasks": ["toy-nli@en+sw"]},
        ],
        "targets": ["toy-nli", "toy-more", "toy-noisy"],
        "seeds": [1, 2, 3],
        "steps": {"similarity": {}},
        "generated": {"size": 0.05},
        "training": {"all": {"steps": 4, "evaluate_every": 2, "batch_size": 8, "max_length": 32}},
    }


def similarity(intermediate: str) -> dict[str, Any]:
    """What a similarity step says: Jensen-Shannon divergence goes with the drop, the cosine with nothing."""
    far = DROPS[intermediate] / 20
    nothing = zlib.crc32(intermediate.encode()) % 97 / 97
    found = {"jensen_shannon": far, "proxy_a_distance": 2 * far, "mmd2": nothing, "cosine": nothing}
    return {**found, "target_rows": ROWS, "intermediate_rows": 16, "layer": 2}


def write_rows(file: Path, number: int, name: str, rng: np.random.Generator) -> None:
    """Rows with labels that go round; ids of the noisy copy are those of the clean rows."""
    lines = [
        {
            "id": f"row {i}",
            "text_a": f"{name} says {' '.join(map(str, rng.integers(0, 50, 4)))}",
            "text_b": f"{i} it is",
            "label": LABELS[i % 3],
        }
        for i in range(number)
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def right(model: str, intermediate: str, target: str, language: str, seed: int) -> np.ndarray:
    """Which rows are answered rightly: a row's ease is the same for all, luck is a seed's own."""
    base = "toy-nli" if target == "toy-noisy" else target
    ease = np.random.default_rng([1, zlib.crc32(f"{base} {language}".encode())]).random(ROWS)
    own = np.random.default_rng([seed, zlib.crc32(f"{model} {intermediate} {target} {language}".encode())])
    luck = 1.5 * own.normal()
    taken = own.random(ROWS) < 0.6
    # Most rows are decided by their ease, which all cells share; the others by chance, with the same mean.
    return np.where(taken, ease, own.random(ROWS)) < (truth(model, intermediate, target, language) + luck) / 100
