"""Zero-shot accuracy with its interval: of every finished evaluation of a classification task in a store.

    python tests/benchmarks/interval.py STORE [--task xnli]

The rows of a language are translations of those of another, so the interval of the mean over languages is that of the
rows' own means (normal, 95 %): it says what other sentences would have given, not what other seeds would.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from trainables.data.prepare import load_split
from trainables.steps import read_recipe
from trainables.store import Store


def right_by_row(store: Store, step: str) -> dict[str, list[float]]:
    """For each language, 100 where the prediction is the label and 0 where it is not, in the order of the rows."""
    recipe = read_recipe(store.record(step)["recipe"])
    found = {}
    for language in recipe.languages:
        _, examples = load_split(store, recipe.data, f"test-{language}")
        lines = (store.path(step) / "predictions" / f"{language}.jsonl").read_text().splitlines()
        said = {line["id"]: line["prediction"] for line in map(json.loads, lines)}
        found[language] = [
            100.0 * (said[i] == label) for i, label in zip(examples["id"][:], examples["label"][:], strict=True)
        ]
    return found


def interval(rows: list[float]) -> str:
    """Mean and half the width of the 95 % interval."""
    return f"{statistics.fmean(rows):.1f} ± {1.96 * statistics.stdev(rows) / len(rows) ** 0.5:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--task", default="xnli")
    wanted = parser.parse_args()
    store = Store(str(wanted.store))
    for step in sorted(path.name for path in (wanted.store / "steps").glob(f"evaluate-{wanted.task}-*")):
        if not store.done(step):
            continue
        found = right_by_row(store, step)
        others = [rows for language, rows in found.items() if language != "en"]
        means = [statistics.fmean(row) for row in zip(*others, strict=True)]
        print(f"{step}  {len(means)} rows, {len(others)} languages without English: {interval(means)}")
        print("  " + "   ".join(f"{language} {interval(rows)}" for language, rows in found.items()))


if __name__ == "__main__":
    main()
