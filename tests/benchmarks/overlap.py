"""What of an evaluation set is in the text that a model was pretrained on: rows of the corpora, and the longest find.

    python tests/benchmarks/overlap.py sweeps/pretrain-mini.yaml --data DATA [--tasks udpos panx]

Counted after the sets that the sweep file excludes have been taken out. The corpora are read whole, without the limit
of rows that the sweep sets, so the counts are upper bounds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from trainables.data.decontaminate import Seen, sentence_keys
from trainables.tasks import get_task
from trainables.tasks.sources.open_source import source_for


def keys_of(tasks: list[str], languages: list[str], source) -> Seen:
    """The sentences of the test rows of some tasks in some languages."""
    seen = Seen()
    for name in tasks:
        task = get_task(name)
        for language in set(languages) & set(task.languages):
            seen.add(source.rows(task, "test", language))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--tasks", nargs="+", default=["udpos", "panx"])
    wanted = parser.parse_args()
    (model,) = yaml.safe_load(wanted.sweep.read_text())["models"].values()
    phase = model["pretrain"][0]
    source = source_for("files", wanted.data, 1, 1.0)
    excluded = keys_of(phase["exclude"], phase["languages"], source)
    asked = {name: keys_of([name], phase["languages"], source) for name in wanted.tasks}
    for corpus in phase["corpora"]:
        task = get_task(corpus)
        rows, found, longest = 0, dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
        for language in sorted(set(phase["languages"]) & set(task.languages) - {"en"}):
            clear = excluded.without(source.rows(task, "train", language))
            rows += len(clear)
            for pair in zip(clear["text"][:], clear["translation"][:], strict=True):
                keys = sentence_keys(pair[0]) | sentence_keys(pair[1])
                for name, seen in asked.items():
                    if common := keys & seen.keys:
                        found[name] += 1
                        longest[name] = max(longest[name], *map(len, common))
        told = "; ".join(
            f"{name} {found[name]} ({100 * found[name] / rows:.2f} %), longest {longest[name]} letters"
            for name in asked
        )
        print(f"{corpus:12} {rows:7} rows: {told}", flush=True)


if __name__ == "__main__":
    main()
