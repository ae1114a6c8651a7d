"""What guessing scores: the baselines that a model's zero-shot scores stand above, or do not.

    python tests/benchmarks/chance.py --data DATA [--limit 100] [--languages ...]

tagging: the tag that is the most frequent in the training data, on every token; span QA: a span of one to five words at
a random place of the passage (seed 1); pair classification: the most frequent label of the evaluation data itself. With
the default limit the rows are those that sweeps/dev.yaml and sweeps/mini.yaml evaluates on.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter

from trainables.data.prepare import drawn
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.sources.open_source import source_for

LONGEST = 5


def guesses(name: str, rows, source) -> dict:
    """A prediction for each row that has not looked at it."""
    task = get_task(name)
    if task.type == "tagging":
        train = source.rows(task, "train", "en")["tags"][:]
        (tag, _), *_ = Counter(tag for tags in train for tag in tags).most_common()
        return {row["id"]: [tag] * len(row["tokens"]) for row in rows}
    if task.type == "pair-classification":
        (label, _), *_ = Counter(row["label"] for row in rows).most_common()
        return {row["id"]: label for row in rows}
    rng = random.Random(1)
    out = {}
    for row in rows:
        words = row["context"].split()
        first = rng.randrange(len(words))
        out[row["id"]] = " ".join(words[first : first + rng.randint(1, LONGEST)])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--languages", nargs="+", default=["en", "ar", "de", "es", "hi", "ru", "sw", "tr", "vi", "zh"])
    wanted = parser.parse_args()
    source = source_for("files", wanted.data, 1, 1.0)
    for name in ("xnli", "udpos", "panx", "xquad"):
        task = get_task(name)
        spec = task.spec()
        scores = {}
        for language in wanted.languages:
            if language not in task.languages:
                continue
            rows = source.rows(task, "test", language)
            rows = rows.select(drawn(len(rows), wanted.limit))
            metrics = (
                get_task_type(task.type).modeling().score(guesses(name, rows.to_list(), source), rows, spec, language)
            )
            scores[language] = metrics["f1"] if "f1" in metrics else metrics["accuracy"]
        away = statistics.fmean(score for language, score in scores.items() if language != "en")
        print(
            f"{name:6} zero-shot mean {away:5.1f}   " + "  ".join(f"{one} {score:.1f}" for one, score in scores.items())
        )


if __name__ == "__main__":
    main()
