"""Where a step's run is in MLflow, for pages that are read with the server at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sweeps.spec.fields import SweepSpec
from sweeps.tracking.page import TRAINING
from sweeps.tracking.results import STEP, SWEEP
from sweeps.tracking.runs import EXPERIMENT, PARENT, STORE
from trainables.store import Store

PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def run_links(spec: SweepSpec, store: Store) -> dict[str, str]:
    """URLs of the sweep's runs by step.

    Empty where tracking is no server: a file is opened by `xstilts ui`, at an address that is not known beforehand; and
    where the server does not answer, because a report needs none.
    """
    uri = spec.tracking_uri
    if not uri.startswith(("http://", "https://")):
        return {}
    with _hurried():
        try:
            client = MlflowClient(uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                return {}
            found = {}
            runs = client.search_runs([experiment.experiment_id], f"tags.`{SWEEP}` = '{spec.sweep}'")
            for parent in [run for run in runs if run.data.tags.get(STORE) == store.uri][:1]:
                token = None
                while True:
                    page = client.search_runs(
                        [experiment.experiment_id],
                        f"tags.`{PARENT}` = '{parent.info.run_id}'",
                        max_results=1000,
                        page_token=token,
                    )
                    for run in page:
                        place = f"#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}?{TRAINING}"
                        found[run.data.tags[STEP]] = f"{uri.rstrip('/')}/{place}"
                    token = page.token
                    if not token:
                        break
            return found
        except MlflowException:
            return {}


@contextmanager
def _hurried() -> Iterator[None]:
    """MLflow's client tries for minutes when a server is away."""
    before = {name: os.environ.get(name) for name in PATIENCE}
    os.environ.update(PATIENCE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
