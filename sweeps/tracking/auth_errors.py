"""A server that answers and will not: which of its answers mean that somebody has to do something first."""

from __future__ import annotations

from http import HTTPStatus

from mlflow import MlflowException
from mlflow.utils.credentials import read_mlflow_creds
from requests import HTTPError

USER = "MLFLOW_TRACKING_USERNAME"
REGISTRY = ("/mlflow/registered-models", "/mlflow/model-versions")


def refusal(error: Exception) -> str | None:
    """What MLflow refuses and what to do, as the end of a line that begins with its name; None for other errors.

    Trying again is right for all of these: the server's side may be mended while a sweep runs. What it says of one
    registered model is no refusal of the sweep.
    """
    status, text = _status(error), str(error)
    user = read_mlflow_creds().username
    if status == HTTPStatus.UNAUTHORIZED and user is None:
        return f"wants to know who asks: set {USER} and MLFLOW_TRACKING_PASSWORD in the environment of this command"
    if status == HTTPStatus.UNAUTHORIZED:
        return f"does not take the password of {user}: see {USER} and MLFLOW_TRACKING_PASSWORD in the environment"
    if status == HTTPStatus.FORBIDDEN and "Invalid Host header" in text:
        return "does not want to be called by this name: it lacks in the server's MLFLOW_SERVER_ALLOWED_HOSTS"
    if status == HTTPStatus.FORBIDDEN and not any(place in text for place in REGISTRY):
        return f"does not let {user or 'this user'} write here: an admin has to grant EDIT on the experiment"
    return None


def _status(error: Exception) -> int | None:
    """The HTTP status behind an error."""
    if isinstance(error, MlflowException):
        return int(error.get_http_status_code())
    if isinstance(error, HTTPError) and error.response is not None:
        return int(error.response.status_code)
    return None
