"""How long updates stand still for a training state: `python -m tests.benchmarks.states [--hidden 384 --layers 12]`.

A state is copied into memory, then a thread writes it. If it were written in place, updates would wait for both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.conftest import RecordingHost, World
from trainables.recipe.execution import Execution
from trainables.training.loop import Finetuning


def main() -> None:
    """Print the times of some states, and the time of an update beside them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "store")
        shape = {"hidden_size": given.hidden, "num_hidden_layers": given.layers, "intermediate_size": 4 * given.hidden}
        recipe = world.train("gen-nli", start=world.scratch(**shape), steps=1000, evaluate_every=1000)
        training = Finetuning(recipe, Execution(), world.store, RecordingHost())
        times: dict[str, list[float]] = {"update": [], "copy": [], "write": []}
        for _ in range(given.rounds + 1):  # the first round takes the memory
            for name, act in (
                ("update", lambda: training.attempt.update(training.progress.step)),
                ("copy", lambda: training.states.save(training.progress)),
                ("write", training.states.wait),
            ):
                began = time.monotonic()
                act()
                times[name].append(time.monotonic() - began)
                if name == "update":
                    training.progress.updated(**training.attempt.layout)
        size = sum(path.stat().st_size for path in Path(world.store.root, "states").rglob("worker-*"))
        update, copy, write = (1000 * median(found[1:]) for found in times.values())
        print(
            f"a state of {size / 2**20:.0f} MiB: updates stand still for {copy:.0f} ms; written in place it would be "
            f"{copy + write:.0f} ms ({(copy + write) / copy:.1f} times as long); an update takes {update:.0f} ms"
        )
        training.close()


if __name__ == "__main__":
    main()
