"""Tatoeba by language and block: retrieval accuracy from English, in percent, with a model directory.

    python tests/benchmarks/retrieval_by_layer.py MODEL --data DATA [--languages ar de ...]

Sentences are encoded once; block 0 is the embedding. The block that the task reads is marked with a star.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from trainables.batching.micro_batches import cut
from trainables.metrics.retrieval import nearest_neighbours
from trainables.models.pooling import mean_pool, retrieval_layer
from trainables.task_types import pad
from trainables.tasks import get_task
from trainables.tasks.sources.open_source import source_for

TOKENS = 16_384
LENGTH = 128


def vectors(model, tokenizer, sentences: list[str]) -> np.ndarray:
    """Mean-pooled states of every block (blocks × sentences × hidden)."""
    ids = tokenizer(sentences, truncation=True, max_length=LENGTH)["input_ids"]
    blocks = model.config.num_hidden_layers + 1
    out = np.empty((blocks, len(ids), model.config.hidden_size), dtype=np.float32)
    with torch.no_grad():
        for part in cut([len(row) for row in ids], 1, TOKENS):
            rows = [ids[i] for i in part]
            mask = pad([[1] * len(row) for row in rows], 0)
            states = model(input_ids=pad(rows, tokenizer.pad_token_id), attention_mask=mask, output_hidden_states=True)
            for block in range(blocks):
                out[block, part] = mean_pool(states.hidden_states[block], mask).numpy()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument(
        "--languages", nargs="+", default=["ar", "de", "el", "es", "fr", "hi", "ru", "sw", "tr", "vi", "zh"]
    )
    wanted = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(wanted.model)
    model = AutoModel.from_pretrained(wanted.model, dtype=torch.float32, add_pooling_layer=False).eval()
    task = get_task("tatoeba")
    source = source_for("files", wanted.data, 1, 1.0)
    star = retrieval_layer(model.config.num_hidden_layers)
    blocks = range(model.config.num_hidden_layers + 1)
    print("language  rows  " + "".join(f"{f'{block}*' if block == star else block:>7}" for block in blocks))
    found = []
    for language in wanted.languages:
        rows = source.rows(task, "test", language)
        english, other = (vectors(model, tokenizer, rows[side][:]) for side in ("query", "candidate"))
        right = np.arange(len(rows))
        found.append([100 * float(np.mean(nearest_neighbours(english[b], other[b]) == right)) for b in blocks])
        print(f"{language:8} {len(rows):5}  " + "".join(f"{accuracy:7.1f}" for accuracy in found[-1]))
    means = [statistics.fmean(column) for column in zip(*found, strict=True)]
    print(f"{'mean':8}        " + "".join(f"{mean:7.1f}" for mean in means))


if __name__ == "__main__":
    main()
