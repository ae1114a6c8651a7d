"""Training speed against HF Trainer with its best options: same model, data, batch, precision and hardware, in turn.

    python tests/benchmarks/trainer.py [--model DIR | --shape large] [--work pairs] [--precision bf16] [--rounds 2]

Rows have random subwords and the lengths of a real task's (`rows.WORKS`), so nothing needs a download; `--model`
takes a local model, without it one with random weights is made. Each round measures the variants one after the other:
so many updates of each, after a few to warm up. HF Trainer (`hf_trainer.py`) pads dynamically, groups rows by length
and uses the fused AdamW. Ours (`ours.py`) is the loop of `trainables.training`, in this process, without Ray. Prints
one Markdown table, of the best round of each, with machine, versions and command. Needs `accelerate`.

Seconds of the processor's clock are also given: where others use the machine too, they are disturbed less. Without a
GPU the share of the matmul peak goes by them.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from common import apart, machine, markdown, matmul_peak, versions
from hf_trainer import theirs
from ours import WAYS, ours, prepared
from rows import SHAPES, WORKS, Job, made, rows_of
from transformers import AutoConfig

from trainables.models.backbones import shape_of
from trainables.store import Store

THEIRS = {"HF Trainer": False, "HF Trainer, compiled": True}
VARIANTS = (*THEIRS, *WAYS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a local model; without it, --shape with random weights")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--work", choices=WORKS, nargs="+", default=["pairs"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--updates", type=int, default=8)
    parser.add_argument("--warm-up", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=("HF Trainer", "ours"), metavar="VARIANT")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a run of HF Trainer may take")
    parser.add_argument("--profile", type=Path, help="write the costliest kernels of an update of ours to this file")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or made(SHAPES[given.shape], Path(folder) / "model")
        for work in given.work:
            job = Job(work, given.batch, given.updates, given.warm_up, given.dropout, given.precision)
            rows += measured(model, job, given.only, given.rounds, Path(folder), given.limit, given.profile)
    print(f"\n{machine()}; {versions()}; `python {shlex.join(sys.argv)}`\n")
    print(markdown(rows))


def measured(
    model: Path,
    job: Job,
    names: Collection[str],
    rounds: int,
    folder: Path,
    limit: float,
    profile: Path | None = None,
) -> list[dict[str, Any]]:
    """The named variants on one kind of work, in turn: a row of the table for each.

    Args:
        folder: an empty one, for data and what is trained.
        limit: seconds that one run of HF Trainer may take; one that takes longer has no figures.
        profile: where to write what an update of ours spends its time on.
    """
    config = AutoConfig.from_pretrained(model)
    kind, shape = WORKS[job.work], shape_of(config.to_dict(), str(model))
    features = rows_of(kind, job.batch * (job.warm_up + job.updates), config)
    store = Store(str(folder / f"store-{job.work}-{job.batch}"))
    recipe = prepared(store, job, features)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS if name in names}
    late = set()
    for number in range(rounds):
        for name, results in found.items():
            if name in late:
                continue
            if name in THEIRS:
                # In a process of its own: in one that has a process group, as ours has, it would train for several.
                result = apart(theirs, job, features, model, THEIRS[name], limit=limit)
            else:
                last = number == rounds - 1 and name == "ours"
                result = ours(job, recipe, store, model, WAYS[name], profile if last else None)
            if result is None:
                late.add(name)
                print(f"{job.work}: {name}: not done in {limit:.0f} s", flush=True)
                continue
            results.append(result)
            told = ", ".join(f"{what} {value:.3f}" for what, value in result.items())
            print(f"{job.work}: {name}: {told}", flush=True)
    tokens = sum(len(feature["input_ids"]) for feature in features) / len(features) * job.batch
    flops, peak = 3 * shape.forward(kind.mean), matmul_peak(job.precision)
    best = {
        name: {what: min(result[what] for result in results) for what in results[0]}
        for name, results in found.items()
        if results
    }
    reference = best.get("HF Trainer")
    table = []
    for name in found:
        row = dict.fromkeys(("work", "batch", "variant", "ms an update", "CPU ms", "examples/s", "tokens/s"), "-")
        row |= dict.fromkeys(("of matmul peak", "peak GiB", "against Trainer", "by CPU time"), "-")
        row |= {"work": job.work, "batch": str(job.batch), "variant": name}
        if name in best:
            seconds, cpu = best[name]["seconds"], best[name]["cpu"]
            row |= {"ms an update": f"{1000 * seconds:.0f}", "CPU ms": f"{1000 * cpu:.0f}"}
            row |= {"examples/s": f"{job.batch / seconds:.1f}", "tokens/s": f"{tokens / seconds:.0f}"}
            clock = seconds if torch.cuda.is_available() else cpu
            row |= {"of matmul peak": f"{100 * tokens * flops / clock / peak:.0f} %"}
            row |= {"peak GiB": f"{best[name]['memory']:.1f}"}
            if reference is not None:
                row["against Trainer"] = f"{reference['seconds'] / seconds:.2f}"
                row["by CPU time"] = "-" if torch.cuda.is_available() else f"{reference['cpu'] / cpu:.2f}"
        table.append(row)
    return table


if __name__ == "__main__":
    main()
