"""XNLI from a model's embeddings alone, without its blocks: what a logistic regression makes of the words.

    python tests/benchmarks/nli_by_words.py MODEL --data DATA [--languages en ar ...] [--limit 1000]

Trained on XNLI's English dev rows, on three means of embeddings: of the hypothesis; of the hypothesis, each word by how
far the nearest word of the premise is; of how far premise and hypothesis are apart. The strength of the penalty is
chosen on a fifth of the English rows. No step of a sweep does this: it says what the embeddings hold, so what
fine-tuning the whole model could find.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from trainables.data.prepare import drawn
from trainables.tasks import get_task
from trainables.tasks.sources.open_source import source_for

PENALTIES = (0.003, 0.01, 0.03, 0.1)


def features(embeddings: Tensor, tokenizer, rows) -> Tensor:
    """Three means of each row (rows × 3 · hidden)."""
    sides = [tokenizer(rows[side][:], add_special_tokens=False)["input_ids"] for side in ("text_a", "text_b")]
    out = []
    for premise, hypothesis in zip(*sides, strict=True):
        ours, theirs = embeddings[premise], embeddings[hypothesis]
        near = (F.normalize(theirs, dim=-1) @ F.normalize(ours, dim=-1).T).amax(1, keepdim=True)
        mean = theirs.mean(0)
        out.append(torch.cat([mean, ((1 - near) * theirs).mean(0), (ours.mean(0) - mean).abs()]))
    return torch.stack(out)


def fitted(x: Tensor, y: Tensor, penalty: float) -> torch.nn.Linear:
    """A softmax regression with `penalty` on its squared weights."""
    linear = torch.nn.Linear(x.shape[1], 3)
    torch.nn.init.zeros_(linear.weight)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(linear(x), y) + penalty * linear.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return linear


def accuracy(linear: torch.nn.Linear, x: Tensor, y: Tensor) -> float:
    """In percent."""
    return 100 * (linear(x).argmax(-1) == y).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument(
        "--languages", nargs="+", default=["en", "ar", "de", "el", "es", "fr", "hi", "ru", "sw", "tr", "vi", "zh"]
    )
    parser.add_argument("--limit", type=int, default=5_010, help="test rows of each language")
    wanted = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(wanted.model)
    model = AutoModel.from_pretrained(wanted.model, dtype=torch.float32, add_pooling_layer=False).eval()
    with torch.no_grad():
        embeddings = model.embeddings.LayerNorm(model.embeddings.word_embeddings.weight)
    source, labels = source_for("files", wanted.data, 1, 1.0), get_task("xnli").labels

    def read(name: str, split: str, language: str) -> tuple[Tensor, Tensor]:
        rows = source.rows(get_task(name), split, language)
        rows = rows.select(drawn(len(rows), wanted.limit)) if split == "test" else rows
        gold = torch.tensor([labels.index(label) for label in rows["label"][:]])
        return features(embeddings, tokenizer, rows), gold

    train, dev = read("xnli-dev", "train", "en"), read("xnli-dev", "dev", "en")
    linear = max((fitted(*train, penalty) for penalty in PENALTIES), key=lambda fit: accuracy(fit, *dev))
    scores = {language: accuracy(linear, *read("xnli", "test", language)) for language in wanted.languages}
    away = statistics.fmean(score for language, score in scores.items() if language != "en")
    print(f"dev {accuracy(linear, *dev):.1f}   zero-shot mean {away:.1f}")
    print("  ".join(f"{language} {score:.1f}" for language, score in scores.items()))


if __name__ == "__main__":
    main()
