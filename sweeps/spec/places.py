"""Where a sweep keeps its store and its runs: addresses that can be none, and passwords in them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sweeps.spec.fields import SweepSpec
from trainables.outside.places import check_writable, folder_problem, local_path
from trainables.outside.text import Unreadable, shown

SERVERS = ("http", "https")
SQLITE = "sqlite:///"
DATABASES = ("postgresql", "mysql", "mssql")
"""Beside SQLite, what MLflow keeps runs in without a server in front of it."""


def check_places(spec: SweepSpec) -> list[str]:
    """What is wrong with `storage` and `tracking`, a line each; a password is not repeated. Whether the storage can be
    one, the store says when it is opened."""
    fields = {
        "tracking": (spec.tracking, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        "storage": (
            spec.storage,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else the storage reads,",
        ),
    }
    problems = []
    for field, (place, variables) in fields.items():
        if place is None:
            continue
        try:
            address = urlsplit(place)
            secret, _ = address.password is not None, address.port
        except ValueError:
            problems.append(f"{field}: {shown(place) if '@' not in place else 'it'} is no address that can be read")
            continue
        if secret:
            problems.append(
                f"{field}: a password stands in the address; take it out and set {variables} in the environment"
            )
        elif field == "tracking" and (problem := _tracking(place, address)) is not None:
            problems.append(f"{field}: {problem}")
    return problems


def _tracking(place: str, address: SplitResult) -> str | None:
    scheme = address.scheme.partition("+")[0]
    if scheme in SERVERS and address.hostname:
        return None
    if place.startswith(SQLITE) and len(place) > len(SQLITE):
        try:
            return folder_problem(local_path(place.removeprefix(SQLITE)).parent)
        except Unreadable as error:
            return str(error)
    if scheme in DATABASES and address.hostname:
        return None
    return f"{shown(place)} is no address of an MLflow; give http://HOST:PORT, https://HOST, or sqlite:///PATH"


def check_tracking_writable(uri: str) -> None:
    """Raises Unreadable where the runs shall be in a file of SQLite that cannot be written; else MLflow would try for a
    while."""
    if not uri.startswith(SQLITE):
        return
    file = Path(uri.removeprefix(SQLITE))
    try:
        check_writable(file.parent)
        if file.exists():
            with file.open("rb+") as found:
                if found.read(16) not in (b"", b"SQLite format 3\0"):
                    raise Unreadable(f"{file} is no file of SQLite; give another")
    except (OSError, Unreadable) as error:
        raise Unreadable(f"tracking: {error}") from None
