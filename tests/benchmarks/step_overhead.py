"""What a training step costs beyond its training: on Ray, against the same step in a plain process.

    python tests/benchmarks/step_overhead.py [--steps 3]

Carries out the same small training steps one after the other, once through a sweep on the local Ray and once each with
`python -m trainables`, and prints for both the wall time of a step, the time that its optimiser took, and the
difference; of evaluations the wall time, which is from the driver's "started" to its "done". The first training of a
sweep starts the workers that later steps find there, so it is shown apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from sweeps.plan.graph import Plan
from sweeps.plan.planner import make_plan
from sweeps.spec.reading import read_spec
from trainables.store import Store

SWEEP = {
    "sweep": "overhead",
    "models": {
        "small": {
            "architecture": {
                "hidden_size": 128,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "intermediate_size": 256,
                "max_position_embeddings": 130,
            },
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 600},
        }
    },
    "intermediates": ["none"],
    "targets": ["gen-tags"],
    "generated": {"size": 0.1},
    "training": {
        "all": {"steps": 40, "evaluate_every": 40, "max_length": 64, "dropout": 0.0, "attention_dropout": 0.0}
    },
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3, help="training steps to time on each side")
    wanted = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.yaml"
        storage = str(Path(folder) / "store")
        file.write_text(yaml.safe_dump({**SWEEP, "seeds": list(range(1, wanted + 2)), "storage": storage}))
        plan = make_plan(read_spec(file), str(file))
        ray_walls = on_ray(file)
        store = Store(storage)
        trains, evaluations = (
            [step.id for step in plan.steps.values() if step.kind.group == group] for group in ("train", "evaluate")
        )
        inside = {name: store.record(name)["result"]["train_seconds"] for name in trains}
        on_ray_over = [
            ray_walls[name] - inside[name] for name in sorted(trains, key=lambda n: list(ray_walls).index(n))
        ]
        plain_over = in_processes(plan, trains[:wanted], Path(folder), store)
    first, later = on_ray_over[0], on_ray_over[1:]
    print(f"training itself        {statistics.median(inside.values()):6.1f} s  (median of {len(trains)}, one worker)")
    print(
        f"beyond it, on Ray      {statistics.median(later):6.1f} s  (median of {len(later)}; the first: {first:.1f} s)"
    )
    whole = [ray_walls[name] for name in evaluations]
    print(f"an evaluation, on Ray  {statistics.median(whole):6.1f} s  (median of {len(whole)}, from beginning to end)")
    print(
        f"beyond it, by itself   {statistics.median(plain_over):6.1f} s  (median of {len(plain_over)} plain processes)"
    )
    print(f"ratio                  {statistics.median(later) / statistics.median(plain_over):6.2f}")


def on_ray(file: Path) -> dict[str, float]:
    """Seconds from the start of each training step's trial to its end, in the order in which they ran."""
    command = [sys.executable, "-m", "sweeps.cli.main", "run", str(file), "--cpus", "1"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    began: dict[str, float] = {}
    walls: dict[str, float] = {}
    names = {step.name: step.id for step in make_plan(read_spec(file), str(file)).steps.values()}
    assert running.stdout is not None
    for line in running.stdout:
        for name, key in names.items():
            if f"  {name}: started" in line:
                began[key] = time.monotonic()
            elif f"  {name}: done" in line:
                walls[key] = time.monotonic() - began[key]
    if running.wait():
        raise SystemExit("the sweep failed")
    return walls


def in_processes(plan: Plan, trains: list[str], folder: Path, store: Store) -> list[float]:
    """Seconds beyond training of the same steps, each in a process of its own."""
    import shutil

    over = []
    for name in trains:
        recipe = folder / "recipe.json"
        recipe.write_text(json.dumps(plan.steps[name].recipe.model_dump(mode="json")))
        shutil.rmtree(Path(store.root) / "steps" / name)
        command = [sys.executable, "-m", "trainables", str(recipe), "--store", store.root]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        over.append(time.monotonic() - began - store.record(name)["result"]["train_seconds"])
    return over


if __name__ == "__main__":
    main()
