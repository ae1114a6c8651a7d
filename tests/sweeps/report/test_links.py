"""Links into MLflow, from a real server on loopback."""

from __future__ import annotations

import time

from sweeps.report.links import run_links
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from tests.sweeps.tracked import free_port


def test_runs_are_found_by_step_and_a_server_that_is_away_costs_the_links_alone(server, made_up):
    spec = made_up.spec.model_copy(update={"tracking": server.url})
    assert run_links(spec, made_up.store) == {}
    steps = [made_up.plan.steps[cell.evaluation] for cell in made_up.cells[:3]]
    with Tracker(Sweep(spec, made_up.plan, made_up.store)) as tracker:
        for step in steps:
            tracker.begin(step)
        assert tracker.close("FINISHED")
        runs = {step.id: tracker.run_of(step) for step in steps}
    links = run_links(spec, made_up.store)
    assert links == {
        step: f"{server.url}/#/experiments/{tracker.experiment}/runs/{run}?workflowType=machine_learning"
        for step, run in runs.items()
    }
    away = spec.model_copy(update={"tracking": f"http://127.0.0.1:{free_port()}"})
    began = time.monotonic()
    assert run_links(away, made_up.store) == {}
    assert time.monotonic() - began < 60


def test_a_file_is_no_server(made_up):
    assert made_up.spec.tracking_uri.startswith("sqlite:///")
    assert run_links(made_up.spec, made_up.store) == {}
