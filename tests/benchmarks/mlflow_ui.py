"""How soon MLflow's UI shows the runs of a whole study, in a headless browser.

    python -m tests.benchmarks.mlflow_ui [--intermediates 7] [--loads 5] [--folder FOLDER] [--screenshots FOLDER]

Makes the published study with so many of its intermediates (7: 315 steps, three seeds, 40 languages), carries out every
step with made-up rows and predictions, and tells MLflow of it as a sweep does. Then it starts `xstilts ui`, opens each
page once so that the browser has its scripts, and then again and again. Prints for each page, in seconds, the median of

    after scripts   from the page's last script being loaded to its data being there
    whole           from the request to the data
    server          of these, waiting for the server
    CPU             what browser and server have computed meanwhile: beside other work the clock says little

and the slowest call. Ends with 1 where a page takes longer than three seconds after its scripts. `--folder` keeps what
was made, and takes it from there the next time. Wants Chromium and Playwright's Python package.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

import sweeps
from sweeps.plan.requirements import draft_of
from sweeps.spec.fields import SweepSpec
from sweeps.spec.reading import read_spec
from tests.browser import chromium
from tests.sweeps import pretended
from tests.sweeps.tracking.mlflow_pages import Ui, load, looks, median
from trainables.store import Store

STUDY = Path(sweeps.__file__).with_name("paper.yaml")
LIMIT = 3.0
"""Seconds after the scripts, at most."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intermediates", type=int, default=7, help="how many of the study's, `none` among them")
    parser.add_argument("--loads", type=int, default=5, help="loads of each page that count")
    parser.add_argument("--folder", type=Path, help="where the store and MLflow's file are kept")
    parser.add_argument("--screenshots", type=Path, help="where a picture of each page is put")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (wanted.folder or Path(temporary)).absolute()
        spec = study(folder, wanted.intermediates)
        if not (folder / "mlflow.db").exists():
            make(spec)
        ui = Ui(STUDY, folder)
        try:
            ui.start()
            within = measure(ui, spec, wanted.loads, wanted.screenshots)
        finally:
            ui.kill()
    sys.exit(0 if within else 1)


def study(folder: Path, intermediates: int) -> SweepSpec:
    """The study, cut to its first intermediates and all of them at once, with store and MLflow in `folder`."""
    whole = read_spec(STUDY, [f"storage={folder / 'store'}", f"tracking=sqlite:///{folder / 'mlflow.db'}"])
    kept = (*whole.intermediates[: intermediates - 1], whole.intermediates[-1])
    return whole.model_copy(update={"intermediates": kept})


def make(spec: SweepSpec) -> None:
    """Make every step done, and tell MLflow of it."""
    plan, began = draft_of(spec, STUDY), time.monotonic()
    pretended.carry_out(plan, spec, Store(spec.storage))
    print(f"{len(plan.steps)} steps made and logged in {time.monotonic() - began:.0f} s", flush=True)


def measure(ui: Ui, spec: SweepSpec, loads: int, screenshots: Path | None) -> bool:
    """Load every page; whether all are within the limit."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs; seconds, median of {loads} loads")
    print(f"{'page':30} after scripts   whole  server     CPU  slowest call")
    within = True
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        for look in looks(spec.tracking_uri, spec.sweep):
            times, computed = [], []
            for number in range(loads + 1):
                before = cpu(os.getpid())
                page, taken = load(context, ui.url, look)
                if number:  # the first fills the browser's cache
                    times.append(taken)
                    computed.append(cpu(os.getpid()) - before)
                elif screenshots is not None:
                    page.screenshot(path=screenshots / f"{look.name}.png")
                page.close()
            found = median(times)
            within &= found.after_scripts <= LIMIT
            seconds, path = found.slowest
            print(
                f"{look.name:30} {found.after_scripts:13.1f} {found.whole:7.1f} {found.server:7.1f} "
                f"{statistics.median(computed):7.1f}  {seconds:.1f} {path}",
                flush=True,
            )
    return within


def cpu(process: int) -> float:
    """CPU seconds of a process and all below it that live: the browser and the server are."""
    total = 0.0
    own = psutil.Process(process)
    for one in (own, *own.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


if __name__ == "__main__":
    main()
