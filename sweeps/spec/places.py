"""Where a sweep keeps its store and its runs: addresses that can be none, and secrets in them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sweeps.spec.fields import SweepSpec
from sweeps.spec.model import MINI
from sweeps.spec.perturbations import ALL
from trainables.outside.places import check_writable, folder_problem, local_path
from trainables.outside.text import Unreadable, shown
from trainables.tasks.task import HUB

SERVERS = ("http", "https")
SQLITE = "sqlite:///"
DATABASES = ("postgresql", "mysql", "mssql")
"""Beside SQLite, what MLflow keeps runs in without a server in front of it."""
WITHOUT_USERS = (*SERVERS, "s3", "gs")
"""Kinds of addresses in which what stands before an @ is no user's plain name."""
SECRET = re.compile(r"pass(word|wd)|pwd|secret|token|credential|^sig$|signature$|(access|account|api)[-_]?key", re.I)
"""In the name of an address's parameter."""


def check_secrets(spec: SweepSpec) -> list[str]:
    """Fields whose address has a password, a key or a token in it, a line each, which does not repeat it: what stands
    in a sweep file is in the store, in MLflow and in logs."""
    other = "HF_TOKEN, or what else is needed to read it,"
    fields = [
        ("tracking", spec.tracking, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("storage", spec.storage, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else the storage reads,"),
        *((f"data.{name}", place, other) for name, place in spec.data.items()),
        *((f"models.{name}.start", model.start, other) for name, model in spec.models.items()),
        *((field, place, other) for field, place in dictionaries_of(spec).items()),
    ]
    return [
        f"{field}: {found} stands in the address; take it out and set {variables} in the environment"
        for field, place, variables in fields
        if place is not None and (found := _secret_in(place)) is not None
    ]


def _secret_in(place: str) -> str | None:
    """What of an address is a secret, or may be one."""
    try:
        address = urlsplit(place)
        if address.password is not None:
            return "a password"
        if address.username is not None and address.scheme in WITHOUT_USERS:
            return "a name or a key"
        return next((f"a secret ({shown(key)})" for key, _ in parse_qsl(address.query) if SECRET.search(key)), None)
    except ValueError:
        return None


def check_places(spec: SweepSpec) -> list[str]:
    """What is wrong with `storage` and `tracking`, a line each. Whether the storage can be one, the store says when it
    is opened."""
    problems = []
    for field, place in {"tracking": spec.tracking, "storage": spec.storage}.items():
        if place is None:
            continue
        try:
            address = urlsplit(place)
            _ = address.port
        except ValueError:
            problems.append(f"{field}: {shown(place) if '@' not in place else 'it'} is no address that can be read")
            continue
        if field == "tracking" and (problem := _tracking(place, address)) is not None:
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


def check_shared(spec: SweepSpec) -> list[str]:
    """What a sweep names that only this machine can find, or only one of a cluster's: relative paths. A line each."""
    problems = []
    if not _everywhere(spec.storage):
        problems.append(
            f"storage: {shown(spec.storage)} is relative to a folder of this machine; give a path or an address that "
            "all nodes see: -o storage=/shared/runs"
        )
    tracked = spec.tracking or ("" if "://" in spec.storage else "beside the storage")
    if not tracked or (tracked.startswith(SQLITE) and not _everywhere(tracked.removeprefix(SQLITE))):
        problems.append(
            "tracking: MLflow's file would lie in a folder that goes with the job; give http://HOST:PORT, or "
            "sqlite:////PATH that all nodes see"
        )
    named = {f"data.{name}": place for name, place in spec.data.items() if place != HUB}
    named |= {
        f"models.{name}.start": one.start
        for name, one in spec.models.items()
        if one.start is not None and one.start != MINI and one.path is not None
    }
    named |= dictionaries_of(spec)
    return problems + [
        f"{field}: {shown(place)} is relative to a folder of this machine; give a path that all nodes see"
        for field, place in named.items()
        if not _everywhere(place)
    ]


def dictionaries_of(spec: SweepSpec) -> dict[str, str]:
    """Folders and files of dictionaries, by the field that names them."""
    return {
        f"perturbations.{name}.dictionaries" + (f".{pair}" if pair != ALL else ""): place
        for name, one in spec.perturbations.items()
        for pair, place in one.dictionaries.items()
    }


def _everywhere(place: str) -> bool:
    return "://" in place or place.startswith(("/", "~"))


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
