"""How large a sweep may be: steps that only sleep, so that all other time is this program's, Ray's and MLflow's.

    python -m tests.benchmarks.scale [--real 100 1000 10000] [--at-once 16] [--seconds 0.5] [--nodes 500] [--done 10000]

First 10,000 steps on so many nodes of 8 CPUs on a virtual clock: the real schedule and dispatcher, no Ray. Then, for
each number of `--real`, a whole run in a process of its own: the real scheduler, searcher, Tuner, store, leases and
MLflow (a SQLite file) on a local Ray told to have so many CPUs; made up are those CPUs, and what steps do.
Of each run: the wall clock, the share of it that the CPUs slept in steps, when the first step had ended and steps a
second from then on, this process's own CPU and memory, the processes beside it and their memory, how far
MLflow was behind when the last step had ended, and how long `status` and one drawing of the live table take. The last
two also of `--done` steps that this process has carried out by itself, without sleep and without Ray.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from sweeps.plan.graph import Plan
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.simulate import bounds, simulate
from sweeps.spec.fields import SweepSpec
from sweeps.state.sweep import Sweep
from tests.plugins.sleep_step_kind import sleeping

STEPS = 10_000
LIMIT = 3600


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=int, nargs="*", default=[100, 1000], help="steps of each real run")
    parser.add_argument("--at-once", type=int, default=16, help="CPUs that the local Ray is told to have")
    parser.add_argument("--seconds", type=float, default=0.5, help="that a step sleeps, in the mean")
    parser.add_argument("--nodes", type=int, default=500, help="on the virtual clock")
    parser.add_argument("--done", type=int, default=0, help="steps of a store that is only looked at")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(real(given.one, given.at_once, given.seconds)))
        return
    virtual(given.nodes)
    if given.done:
        looked_at(given.done)
    rows = []
    for steps in given.real:
        words = ("--one", str(steps), "--at-once", str(given.at_once), "--seconds", str(given.seconds))
        command = [sys.executable, "-m", "tests.benchmarks.scale", *words]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            print(f"{steps} steps: not over within {LIMIT} s")
            break
        if done.returncode:
            print(f"{steps} steps: exit code {done.returncode}")
            break
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        names = list(rows[0])
        if len(rows) == 1:
            print(" | ".join(names))
        print(" | ".join(str(rows[-1][name]) for name in names), flush=True)


def virtual(count: int) -> None:
    """The schedule alone: its own time for each event, and how near it comes to the bound."""
    for steps in (STEPS // 100, STEPS // 10, STEPS):
        plan, nodes = sleeping(steps, 600.0), [NodeShape(8)] * count
        began = time.process_time()
        found = simulate(plan, set(), nodes)
        took = time.process_time() - began
        slowest, most = max(found.calls), max(bounds(plan, set(), nodes))
        print(
            f"virtual clock, {steps:,} steps, {count} nodes: {took:.2f} s of CPU, {1e6 * took / steps:.0f} µs a step, "
            f"the slowest event {1000 * slowest:.1f} ms; {found.seconds / most:.3f} times the lower bound"
        )


class Undisturbed:
    """Carries steps out in this process."""

    def report(self, report: object) -> None:
        pass

    def should_stop(self) -> None:
        return None


def looked_at(steps: int) -> None:
    """How long it takes to look at a sweep of so many steps that are done."""
    from trainables.steps.run import carry_out
    from trainables.store import Store

    with tempfile.TemporaryDirectory(prefix="scale") as folder:
        spec, plan = spec_in(folder), sleeping(steps, 0.0)
        store, began = Store(spec.storage), time.monotonic()
        for step in plan.steps.values():
            carry_out(step.recipe, step.execution, store, Undisturbed())
        took = (time.monotonic() - began) / steps
        seconds, table = status_seconds(Sweep(spec, plan, store)), table_milliseconds(plan, 500)
        print(
            f"{steps:,} steps done, {1000 * took:.1f} ms each in one process: status {seconds:.1f} s, "
            f"live table {table:.0f} ms"
        )


def spec_in(folder: str) -> SweepSpec:
    """Of a sweep that keeps its store there."""
    return SweepSpec(
        sweep="scale",
        models={"none": "mini"},
        intermediates=["none"],
        targets=["gen-nli"],
        seeds=[1],
        storage=f"{folder}/store",
    )


def real(steps: int, at_once: int, seconds: float) -> dict[str, Any]:
    """One whole run."""
    from sweeps.cli.live import TerminalDisplay
    from sweeps.runtime.run import run_plan
    from sweeps.tracking import Tracker
    from trainables.store import Store

    with tempfile.TemporaryDirectory(prefix="scale") as folder:
        spec, plan = spec_in(folder), sleeping(steps, seconds)
        sweep = Sweep(spec, plan, Store(spec.storage))
        began = time.monotonic()
        with Tracker(sweep) as tracker, open(f"{folder}/log", "w") as log, Others() as others:
            display = TerminalDisplay(Console(file=log))
            schedule = run_plan(sweep, tracker, display, None, at_once, preflight=False)
            wall, (left, behind) = time.monotonic() - began, lag(tracker)
            tracker.close("FINISHED", patience=0)
        ends = [float(line.split()[0]) for line in Path(folder, "log").read_text().splitlines() if ": done" in line]
        assert schedule.done == set(plan.steps), f"{len(schedule.failed)} failed"
        used = resource.getrusage(resource.RUSAGE_SELF)
        slept = sum(step.recipe.seconds for step in plan.steps.values())  # type: ignore[attr-defined]
        return {
            "steps": steps,
            "at once": at_once,
            "wall s": round(wall, 1),
            "asleep %": round(100 * slept / wall / at_once, 1),
            "first end s": round(wall - ends[-1] + ends[0], 1),
            "steps/s then": round((len(ends) - 1) / max(ends[-1] - ends[0], 1.0), 1),
            "driver CPU s": round(used.ru_utime + used.ru_stime, 1),
            "driver MiB": round(used.ru_maxrss / 1024),
            "others": others.most,
            "others MiB": others.mebibytes,
            "MLflow lacks events": left,
            "MLflow behind s": round(behind, 1),
            "status s": round(status_seconds(sweep), 2),
            "live table ms": round(table_milliseconds(plan, at_once), 1),
        }


class Others:
    """The processes that this one has started (Ray's own, drivers of trials, workers): the most that there were, and
    the memory that they had for themselves then."""

    def __init__(self) -> None:
        self.most, self.mebibytes, self._over = 0, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(5.0):
            found = psutil.Process().children(recursive=True)
            if len(found) >= self.most:
                self.most, self.mebibytes = len(found), round(sum(map(own_memory, found)) / 2**20)


def own_memory(process: psutil.Process) -> int:
    """Bytes that it shares with no other; 0 where it has ended."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def lag(tracker: Any) -> tuple[int, float]:
    """Events that MLflow has not been told yet, and the age of the oldest of them in seconds."""
    events = tracker._journal.unsent(10**9)
    return len(events), time.time() - events[0][0]["at"] / 1000 if events else 0.0


def status_seconds(sweep: Any) -> float:
    """What `xstilts status` reads of the store."""
    from sweeps.state.status import SweepStatus

    began = time.monotonic()
    SweepStatus(sweep)
    return time.monotonic() - began


def table_milliseconds(plan: Plan, at_once: int) -> float:
    """One drawing of the live table, in the middle of the run, with 500 steps running."""
    from sweeps.cli.live import View

    schedule = Schedule(plan, set(), [NodeShape(max(at_once, 500))])
    while (step := schedule.next()) is not None:
        schedule.finish(step.id, ok=True)
        if len(schedule.done) >= len(plan.steps) // 10:
            break
    while schedule.next() is not None:
        pass
    view = View(schedule, Console(file=io.StringIO(), force_terminal=True, width=160))
    with view:
        began = time.monotonic()
        view.refresh()
        return 1000 * (time.monotonic() - began)


if __name__ == "__main__":
    main()
