"""All that is claimed of speed, measured in one call: `make bench`.

    python tests/benchmarks/bench.py [--quick] [--out runs/bench] [--model DIR] [--shape large] [--precision bf16]

Writes into a folder `bench.md` and `bench.json`: training against HF Trainer with its best options, with and without
each of what makes it fast, at the lengths of MNLI, UD-POS and SQuAD; what a step costs beyond its training; memory by
the estimate and as it was counted; how near the schedule comes to the best there can be; a plan's time; GPU-hours of
the published study by the price model; and beside them `profile.txt`, what an update spends its time on. On two CPU
cores a quarter of an hour; `--quick`, to see that all of it works, three minutes. With a GPU the same is measured of
XLM-R Large in bf16.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from common import machine, markdown, versions
from ours import WAYS
from rows import SHAPES, WORKS, Job, made
from trainer import THEIRS, measured

HERE = Path(__file__).parent
BOTH = ("HF Trainer", "ours")
COMPILED = ("HF Trainer, compiled", "ours, compiled")


def main() -> None:
    """Measure, and write the table."""
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tiny model and few updates: to see that it works")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for the table and the profile")
    parser.add_argument("--model", type=Path, help="a local model; without it, --shape with random weights")
    parser.add_argument("--shape", choices=SHAPES, default="large" if gpu else "small")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16" if gpu else "fp32")
    parser.add_argument("--limit", type=float, default=300 if gpu else 150, help="seconds for HF Trainer compiled")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    began, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or made(SHAPES["tiny" if given.quick else given.shape], Path(folder) / "model")
        for job, names, rounds in jobs(given, gpu):
            profile = given.out / "profile.txt" if names is not BOTH else None
            rows += measured(model, job, names, rounds, Path(folder), given.limit, profile)
    parts = {title: told(command) for title, command in others(given.quick).items()}
    about = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "command": f"python {shlex.join(sys.argv)}",
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    (given.out / "bench.json").write_text(json.dumps({**about, "training": rows, "others": parts}, indent=1))
    text = [
        "# Benchmarks",
        f"{about['machine']}; " + ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        f"`{about['command']}`, {about['date']}, {about['minutes']} minutes.",
        "## Training",
        "The best of the rounds of each variant, which were measured in turn; `CPU ms` by the processor's clock. Peak "
        "memory is the GPU's, or without one that of the whole process.",
        markdown(rows),
        "What an update spends its time on: `profile.txt`.",
    ]
    for title, part in parts.items():
        text += [f"## {title}", f"`{part['command']}`", f"```\n{part['output'].strip()}\n```"]
    (given.out / "bench.md").write_text("\n\n".join(text) + "\n")
    print(f"\n{given.out / 'bench.md'}")


def jobs(given: argparse.Namespace, gpu: bool) -> list[tuple[Job, tuple[str, ...], int]]:
    """What is trained, by which variants, and in how many rounds."""
    how = {"dropout": 0.1, "precision": given.precision}
    every = tuple(name for name in (*THEIRS, *WAYS) if name not in COMPILED)
    if given.quick:
        return [(Job("pairs", 8, updates=2, warm_up=1, **how), every, 1)]
    if gpu:
        whole = [(Job(work, 32, updates=15, warm_up=5, **how), (*every, *COMPILED), 2) for work in WORKS]
        return [whole[0], *((job, (*BOTH, *COMPILED), rounds) for job, _, rounds in whole[1:])]
    return [
        (Job("pairs", 16, updates=5, warm_up=2, **how), every, 2),
        (Job("pairs", 32, updates=4, warm_up=2, **how), BOTH, 2),
        (Job("tags", 16, updates=6, warm_up=2, **how), BOTH, 2),
        (Job("spans", 8, updates=3, warm_up=1, **how), BOTH, 2),
        (Job("pairs", 16, updates=5, warm_up=4, **{**how, "dropout": 0.0}), BOTH, 2),
        (Job("pairs", 16, updates=6, warm_up=6, **how), COMPILED, 1),
    ]


def others(quick: bool) -> dict[str, list[str]]:
    """What else is measured, each by a program of its own."""
    python, plan = [sys.executable], ["-m", "sweeps.cli.main", "plan", "sweeps/paper.yaml"]
    on = ["--gpus", "4", "--gpu-type", "H200"]
    programs = {
        "A step beyond its training": ["step_overhead.py", "--steps", "1" if quick else "2"],
        "Memory of a training: estimate and what was counted": ["memory.py", "--only", "32 rows" if quick else "rows"],
        "The schedule against the best there can be": ["makespan.py"],
        "A plan's time": ["plan_speed.py"],
    }
    return {
        **{title: [*python, str(HERE / name), *options] for title, (name, *options) in programs.items()},
        "GPU-hours of the study": [*python, *plan, *on],
        "GPU-hours of the study, compiled": [*python, *plan, "-o", "execution.compile=true", *on],
    }


def told(command: list[str]) -> dict[str, Any]:
    """What a program prints."""
    print(f"{shlex.join(command[1:])} ...", flush=True)
    done = subprocess.run(command, cwd=HERE.parent.parent, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    shown = [
        "python",
        *(str(Path(word).relative_to(HERE.parent.parent)) if word.startswith("/") else word for word in command[1:]),
    ]
    return {"command": shlex.join(shown), "output": done.stdout}


if __name__ == "__main__":
    main()
