"""Random harm to a small sweep, and a table of what came of it.

    python -m tests.faults [N] [--seed SEED] [--only NAME]

Each line is one sweep that was struck once and then run until it was done. It is `as undisturbed` when its numbers and
weights are those of a sweep that nothing happened to, when nothing that was finished before was done again, and when no
process, temporary folder or remains in the store were left. Exit code 1 when any is not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.strikes import ON_A_SMALL_DISK, STRIKES
from tests.faults.sweep import Sweep

DISK = "size=24m"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[*STRIKES, *ON_A_SMALL_DISK])
    wanted = parser.parse_args()
    draw, console = random.Random(wanted.seed), Console()
    strikes = {**STRIKES, **(ON_A_SMALL_DISK if _may_mount() else {})}
    table = Table("strike", "what happened", "runs", "seconds", "verdict", title=f"{wanted.number} strikes")
    wrong, kinds = 0, list[str]()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        base = Sweep(Path(folder) / "undisturbed")
        base.finish(runs=1)
        for number in range(wanted.number):
            kinds = kinds or draw.sample(list(strikes), len(strikes))  # each kind once before any comes again
            name = wanted.only or kinds.pop()
            place = Path(folder) / str(number)
            place.mkdir()
            mounted = name in ON_A_SMALL_DISK
            if mounted:
                subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(place)], check=True)
            began = time.monotonic()
            try:
                said, runs, verdict = _struck(base, place, strikes[name], draw, name)
            finally:
                if mounted:
                    subprocess.run(["umount", "-l", str(place)], check=True)
            wrong += verdict != "as undisturbed"
            row = (name, said, str(runs), f"{time.monotonic() - began:.0f}", verdict)
            console.print(f"{number + 1:4} " + " · ".join(row), highlight=False, markup=False)
            table.add_row(*row)
            shutil.rmtree(place, ignore_errors=True)
    console.print(table)
    console.print(f"{wanted.number - wrong} of {wanted.number} as undisturbed (seed {wanted.seed})")
    return int(wrong > 0)


def _struck(base: Sweep, place: Path, strike, draw: random.Random, name: str) -> tuple[str, int, str]:
    shutil.copytree(base.store.root, place / "store")
    sweep = Sweep(place)
    sweep.forget("train", "evaluate")
    said, runs = "", 0
    try:
        said = strike(sweep, draw)
        before = {} if name == "record spoiled" else sweep.finished()
        runs = sweep.finish()
        after = sweep.finished()
        if sweep.results() != base.results():
            return said, runs, "OTHER NUMBERS"
        if {step: after.get(step) for step in before} != before:
            return said, runs, "DONE TWICE"
        left = sweep.leftovers()
        return said, runs, f"LEFT BEHIND: {left}" if left else "as undisturbed"
    except AssertionError as error:
        return said, runs, f"NOT DONE: {error}"
    finally:
        sweep.abandon()


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            tried = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], capture_output=True)
        except OSError:
            return False
        if tried.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return tried.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
