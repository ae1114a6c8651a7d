"""What a person sees of a sweep in MLflow's own UI, in a real browser; skipped without Chromium or Playwright.

How soon, and of a whole study: `python -m tests.benchmarks.mlflow_ui`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import sweeps
from sweeps.plan.requirements import draft_of
from sweeps.spec.reading import read_spec
from sweeps.tracking.page import runs_page
from tests.sweeps import pretended
from tests.sweeps.tracked import Server
from tests.sweeps.tracking.mlflow_pages import load, looks
from trainables.store import Store

STUDY = Path(sweeps.__file__).with_name("paper.yaml")
FEW = ["intermediates=[none, mnli]", "targets=[xnli, panx]", "seeds=[1, 2]", "training.all.steps=40"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A server that has a part of the study, and its pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    spec = read_spec(STUDY, [*FEW, f"storage={folder / 'store'}", f"tracking=sqlite:///{folder / 'mlflow.db'}"])
    pretended.carry_out(draft_of(spec, STUDY), spec, Store(spec.storage))
    server = Server(folder)
    server.start()
    yield server.url, {look.name: look for look in looks(spec.tracking_uri, spec.sweep)}
    server.kill()


@pytest.mark.parametrize("name", ["runs table, steps", "sweep's run", "runs of all targets"])
def test_a_page_shows_its_data(browser, pages, name):
    url, found = pages
    (look,) = (look for known, look in found.items() if known.endswith(name))
    page, times = load(browser, url, look, seconds=120.0)
    assert 0 < times.after_scripts < times.whole
    assert 0 < times.server <= times.whole
    for text in look.wanted[:3]:
        assert page.get_by_text(text, exact=True).first.is_visible(), text
    page.close()


def test_where_there_are_no_runs_yet_the_address_is_that_of_all_experiments(tmp_path):
    missing = tmp_path / "mlflow.db"
    every = "http://127.0.0.1:5000/#/experiments?workflowType=machine_learning"
    assert runs_page(f"sqlite:///{missing}", "http://127.0.0.1:5000") == every
    assert not missing.exists()
    assert runs_page("http://127.0.0.1:9", "http://127.0.0.1:5000/") == every  # where nobody listens
