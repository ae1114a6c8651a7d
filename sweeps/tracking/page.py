"""Where the runs are in MLflow's UI."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sweeps.tracking.runs import CLIENT, EXPERIMENT

TRAINING = "workflowType=machine_learning"
"""The UI opens as one for language-model applications, which hides the runs, unless its address says otherwise."""


def runs_page(uri: str, server: str) -> str:
    """Address of the table of runs; `server`: that of the UI on the MLflow at `uri`. Of its list of experiments, where
    that has no runs yet or does not answer."""
    for name, setting in CLIENT.items():
        os.environ.setdefault(name, setting)
    found = None
    if not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file():  # to look would make one
        with suppress(MlflowException):
            found = MlflowClient(uri).get_experiment_by_name(EXPERIMENT)
    place = "experiments" if found is None else f"experiments/{found.experiment_id}/runs"
    return f"{server.rstrip('/')}/#/{place}?{TRAINING}"
