"""Checkpoints as logged models of MLflow, whose files stay in the store, and the best of them in the registry."""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow import MlflowClient, MlflowException
from mlflow.entities import LoggedModelOutput

CHAMPION = "champion"
"""Alias of the best model of a target."""


def show_model(client: MlflowClient, experiment: str, run_id: str, name: str, tags: dict[str, str]) -> Any:
    """The logged model of a run, made unless it has it; `tags` say where the files are."""
    model = model_of(client, experiment, run_id)
    if model is None:
        model = mlflow.create_external_model(
            name=name, source_run_id=run_id, tags=tags, model_type="backbone", experiment_id=experiment
        )
    outputs = client.get_run(run_id).outputs
    if model.model_id not in [one.model_id for one in (outputs.model_outputs if outputs else [])]:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def model_of(client: MlflowClient, experiment: str, run_id: str) -> Any | None:
    """The logged model of a run, where there is one."""
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    return found[0] if found else None


def register_champion(client: MlflowClient, name: str, model: Any, run_id: str, tags: dict[str, str]) -> None:
    """Have the registered model `name` say of its alias `champion` that it is this logged model: a version of it that
    is there already, or a new one, with `tags`."""
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    source = f"models:/{model.model_id}"
    version = next((one for one in versions if one.source == source), None)
    if version is None:
        version = client.create_model_version(name, source, run_id, tags=tags, model_id=model.model_id)
    client.set_registered_model_alias(name, CHAMPION, version.version)
