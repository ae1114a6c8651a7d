"""Links into MLflow, from a real server on loopback."""

from __future__ import annotations

import time

import pytest

from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from sweeps.tracking.links import run_links
from tests.sweeps.tracked import free_port, opened


@pytest.fixture
def sweep(sweep_file):
    return Sweep(*opened(sweep_file()))


def test_runs_are_found_by_step_and_a_server_that_is_away_costs_the_links_alone(server, sweep):
    spec = sweep.spec.model_copy(update={"tracking": server.url})
    assert run_links(spec, sweep.store) == {}
    steps = [sweep.plan.steps[cell.evaluation] for cell in sweep.plan.cells[:3]]
    with Tracker(Sweep(spec, sweep.plan, sweep.store)) as tracker:
        for step in steps:
            tracker.begin(step)
        assert tracker.close("FINISHED")
        runs = {step.id: tracker.run_of(step) for step in steps}
    links = run_links(spec, sweep.store)
    assert links == {
        step: f"{server.url}/#/experiments/{tracker.experiment}/runs/{run}?workflowType=machine_learning"
        for step, run in runs.items()
    }
    away = spec.model_copy(update={"tracking": f"http://127.0.0.1:{free_port()}"})
    began = time.monotonic()
    assert run_links(away, sweep.store) == {}
    assert time.monotonic() - began < 60


def test_a_file_is_no_server(sweep):
    assert sweep.spec.tracking_uri.startswith("sqlite:///")
    assert run_links(sweep.spec, sweep.store) == {}
