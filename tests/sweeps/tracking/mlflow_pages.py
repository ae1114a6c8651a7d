"""The pages of MLflow's UI that a sweep is read on, where they are, and what must be seen on each.

A page shows its data when every text that is expected of it stands in the document: names of runs, values of metrics.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlflow import MlflowClient

from sweeps.tracking import PARENT, SWEEP
from sweeps.tracking.page import TRAINING, runs_page
from sweeps.tracking.runs import EXPERIMENT
from tests.sweeps.tracked import Server

COMPARED = 20
WATCH = """(wanted) => {
  performance.setResourceTimingBufferSize(10000);
  const look = () => {
    const text = document.body === null ? "" : document.body.textContent;
    if (wanted.every((one) => text.includes(one))) window.shownAt = performance.now();
    else setTimeout(look, 25);
  };
  look();
}"""
TAKEN = """() => {
  const began = performance.getEntriesByType("resource").filter((one) => one.startTime < window.shownAt);
  const calls = began.filter((one) => /ajax-api|graphql/.test(one.name));
  return {
    shown: window.shownAt,
    scripts: Math.max(...began.filter((one) => one.initiatorType === "script").map((one) => one.responseEnd)),
    calls: calls.map((one) => [new URL(one.name).pathname, one.startTime, one.responseEnd]),
  };
}"""


class Ui(Server):
    """`xstilts ui` on the file `mlflow.db` in `folder`."""

    def __init__(self, file: Path, folder: Path) -> None:
        super().__init__(folder)
        self.file = file

    def command(self) -> list[str]:
        uri = f"tracking=sqlite:///{self.folder / 'mlflow.db'}"
        return [sys.executable, "-m", "sweeps.cli.main", "ui", str(self.file), "-o", uri, "--port", str(self.port)]


@dataclass(frozen=True)
class Look:
    """A page to be looked at."""

    name: str
    place: str
    """What follows the server's address."""
    wanted: tuple[str, ...]
    """Texts that stand on it when it shows its data."""


@dataclass(frozen=True)
class Times:
    """Seconds of one load."""

    after_scripts: float
    """From the last script being loaded to the data."""
    whole: float
    """From the request to the data."""
    server: float
    """Of `whole`, those in which the page waited for one of the server's answers or several."""
    slowest: tuple[float, str]
    """The longest call, and its path."""


def looks(uri: str, sweep: str) -> list[Look]:
    """The pages of a sweep's runs: the table as it opens and with the steps, the sweep's own run, a comparison."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`{SWEEP}` = '{sweep}'")
    parent_id = parent.info.run_id
    below = f"tags.`{PARENT}` = '{parent_id}'"
    # The table shows this order: by name, a hundred at first.
    named = client.search_runs([experiment], below, max_results=100, order_by=["tags.`mlflow.runName` ASC"])
    evaluated = client.search_runs([experiment], f"{below} and tags.kind = 'evaluate'", max_results=1000)
    most = max(evaluated, key=lambda run: len(run.data.metrics)).data.tags["target"]
    alike = [run for run in evaluated if run.data.tags["target"] == most][:COMPARED]
    mixed = evaluated[:: max(1, len(evaluated) // COMPARED)][:COMPARED]
    table, run = runs_page(uri, ""), f"/#/experiments/{experiment}/runs/{parent_id}"
    flat = f"{table}&searchFilter={quote(below)}&orderByKey={quote('tags.`mlflow.runName`')}&orderByAsc=true"
    means = parent.data.metrics
    return [
        Look("runs table", table, (parent.info.run_name,)),
        Look("runs table, steps", flat, tuple(one.info.run_name for one in named[:10])),
        Look("sweep's run", f"{run}?{TRAINING}", (*means, *map(str, means.values()))),
        Look("sweep's run, charts", f"{run}/model-metrics?{TRAINING}", (f"{next(iter(means.values())):.2f}",)),
        _comparison(f"{COMPARED} runs of {most}", experiment, alike),
        _comparison(f"{COMPARED} runs of all targets", experiment, mixed),
    ]


def _comparison(name: str, experiment: str, runs: list[Any]) -> Look:
    """The page that compares runs. Of its table of metrics only what is in sight stands in the document: the first
    names, of the first runs."""
    ids = quote(json.dumps([run.info.run_id for run in runs]))
    place = f"/#/compare-runs?runs={ids}&experiments={quote(json.dumps([experiment]))}&{TRAINING}"
    first = min({name for run in runs for name in run.data.metrics})
    values = [f"{run.data.metrics[first]:.2f}".rstrip("0").rstrip(".") for run in runs[:2] if first in run.data.metrics]
    return Look(name, place, (*(run.info.run_name for run in runs), first, *values))


def load(context: Any, address: str, look: Look, seconds: float = 60.0) -> tuple[Any, Times]:
    """Open a page and wait until it shows its data; the open page, and what it took. Raises
    Playwright's TimeoutError."""
    page = context.new_page()
    page.add_init_script(f"({WATCH})({json.dumps(look.wanted)})")
    page.goto(address + look.place, timeout=1000 * seconds)
    page.wait_for_function("window.shownAt", timeout=1000 * seconds)
    taken = page.evaluate(TAKEN)
    calls = [(path, began, min(ended or taken["shown"], taken["shown"])) for path, began, ended in taken["calls"]]
    path, began, ended = max(calls, key=lambda call: call[2] - call[1])
    times = Times(
        (taken["shown"] - taken["scripts"]) / 1000,
        taken["shown"] / 1000,
        covered([(began, ended) for _, began, ended in calls]) / 1000,
        ((ended - began) / 1000, path),
    )
    return page, times


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of some spans."""
    total, end = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, end))
        end = max(end, ended)
    return total


def median(times: list[Times]) -> Times:
    """Of each number the median over some loads."""
    middle = sorted(times, key=lambda one: one.slowest)[len(times) // 2]
    fields = ((one.after_scripts, one.whole, one.server) for one in times)
    return Times(*map(statistics.median, zip(*fields, strict=True)), middle.slowest)
