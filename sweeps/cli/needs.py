"""What a sweep needs of a cluster, for the recipes in `cluster/`, which know no sweeps."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from cluster.needs import Needs, Workers
from sweeps.plan.graph import Step
from sweeps.plan.paths import paths_of
from sweeps.spec.fields import SweepSpec
from sweeps.spec.places import SERVERS, SQLITE
from sweeps.spec.studies import sweep_file
from sweeps.state.sweep import Sweep
from trainables.outside.places import local_path
from trainables.tasks.task import HUB

AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
AZURE = ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING")
STORAGE = {
    "s3": AWS,
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "gcs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    **dict.fromkeys(("abfs", "abfss", "az"), AZURE),
}
"""Environment variables by which a storage knows who asks, by the scheme of its address."""
TRACKING = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def needs_of(sweep: Sweep, file: Path, overrides: list[str] | None) -> Needs:
    """What carrying out `sweep` needs: of all its steps, whether done or not, so that it is the same at every call.

    Args:
        file: as the command was given it: a sweep file, or the name of a study.
        overrides: as the command was given them.
    """
    spec, plan, store = sweep
    steps = plan.steps.values()
    given = str(file.absolute()) if sweep_file(file) == file else str(file)
    own = [str(local_path(path)) for path in (*paths_of(steps), *spec.tasks)]
    storage = store.root if store.local else spec.storage
    places = [given] * (given != str(file)) + own + [storage] * store.local
    if spec.tracking_uri.startswith(SQLITE):
        places.append(spec.tracking_uri.removeprefix(SQLITE))
    return Needs(
        sweep=spec.sweep,
        arguments=(given, *(word for override in overrides or () for word in ("-o", override))),
        steps=tuple(sorted({_workers(step) for step in steps}, key=lambda one: (one.count, one.cpus, one.gpus))),
        storage=storage,
        tracking=spec.tracking_uri,
        paths=tuple(dict.fromkeys(places)),
        secrets=secrets_of(spec),
    )


def secrets_of(spec: SweepSpec) -> tuple[str, ...]:
    """Names of environment variables by which storage, tracking server and hub know who asks."""
    hub = HUB in spec.data.values() or any(model.revision for model in spec.models.values())
    return (
        *STORAGE.get(urlsplit(spec.storage).scheme, ()),
        *(TRACKING if urlsplit(spec.tracking_uri).scheme in SERVERS else ()),
        *(("HF_TOKEN",) if hub else ()),
    )


def _workers(step: Step) -> Workers:
    count = step.execution.workers if step.kind.distributed else 1
    cpus, gpus = step.resources
    return Workers(count, cpus / count, gpus / count)
