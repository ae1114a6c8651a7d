"""Where a sweep keeps its store and its runs: addresses that can be none, and passwords in them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sweeps.spec.fields import SweepSpec
from trainables.outside.places import folder_problem, local_path
from trainables.outside.text import Unreadable, shown

SERVERS = ("http", "https")
SQLITE = "sqlite:///"
DATABASES = ("postgresql", "mysql", "mssql")
"""Beside SQLite, what MLflow keeps runs in without a server in front of it."""
NO_STORE = ("http", "https", "javascript", "data", "mailto", "git", "github")
"""Schemes that nothing can be written to."""


def check_places(spec: SweepSpec) -> list[str]:
    """What is wrong with `storage` and `tracking`, a line each. A password is not repeated."""
    fields = {
        "tracking": (spec.tracking, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD", _tracking),
        "storage": (
            spec.storage,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else the storage reads,",
            _storage,
        ),
    }
    problems = []
    for field, (place, variables, problem_of) in fields.items():
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
        elif (problem := problem_of(place, address)) is not None:
            problems.append(f"{field}: {problem}")
    return problems


def _storage(place: str, address: SplitResult) -> str | None:
    if address.scheme in NO_STORE:
        return f"{shown(place)}: nothing can be written to {address.scheme}; give a path, or an address such as s3://BUCKET/PATH"
    return None if "://" in place else _path_problem(place)


def _tracking(place: str, address: SplitResult) -> str | None:
    scheme = address.scheme.partition("+")[0]
    if scheme in SERVERS and address.hostname:
        return None
    if place.startswith(SQLITE) and len(place) > len(SQLITE):
        return _path_problem(str(Path(place.removeprefix(SQLITE)).parent))
    if scheme in DATABASES and address.hostname:
        return None
    return f"{shown(place)} is no address of an MLflow; give http://HOST:PORT, https://HOST, or sqlite:///PATH"


def _path_problem(place: str) -> str | None:
    try:
        return folder_problem(local_path(place))
    except Unreadable as error:
        return str(error)


def check_tracking_writable(uri: str) -> None:
    """Raises Unreadable where the runs shall be in a file of SQLite that cannot be written; else MLflow would try for a
    while."""
    if not uri.startswith(SQLITE):
        return
    file = Path(uri.removeprefix(SQLITE))
    probe = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            with file.open("rb+") as found:
                if found.read(16) not in (b"", b"SQLite format 3\0"):
                    raise Unreadable(f"tracking: {file} is no file of SQLite; give another")
        probe.touch()
    except OSError as error:
        raise Unreadable(f"tracking: {file} cannot be written ({error.strerror}); give another place") from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
