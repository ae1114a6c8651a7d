"""What of a sweep and of this installation goes to a cluster: code, the sweep file with its overrides, its task files
and the lock of its data. Not the data, and not models: the nodes find those under the paths that the file names."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from cluster.requirements import PACKAGES, here, name_of, needs
from sweeps.spec.fields import SweepSpec
from sweeps.spec.model import MINI
from trainables.steps.environment import SHIPPED, code
from trainables.tasks.lock import lock_path

NEEDS = "needs.json"


@dataclass(frozen=True)
class Shipment:
    """What a job is started with: see `cluster.jobs.Jobs.submit`."""

    command: str
    modules: tuple[Path, ...]
    excludes: tuple[str, ...]
    env: dict[str, str]


def pack(file: Path, fields: dict[str, Any], spec: SweepSpec, folder: Path, nodes: Sequence[str] = ()) -> Shipment:
    """Write into `folder` what the sweep of `file` needs there.

    Args:
        fields: what the file says, overridden.
        spec: the same, read.
        nodes: as `xstilts run --nodes` takes them.
    """
    name = f"{spec.sweep}.yaml"
    tasks = {path: f"task-{i}-{Path(path).name}" for i, path in enumerate(spec.tasks, 1)}
    for path, shipped in tasks.items():
        shutil.copyfile(path, folder / shipped)
    # With the places of tasks from files, which are found beside the file here, as absolute paths.
    written = {**fields, "tasks": list(tasks.values()), "data": spec.data} if spec.data else dict(fields)
    if not tasks:
        written.pop("tasks", None)
    (folder / name).write_text(yaml.safe_dump(written, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if (lock := lock_path(file)).is_file():
        shutil.copyfile(lock, lock_path(folder / name))
    wanted = needs()
    said = {"python": platform.python_version(), "requirements": wanted, "versions": here(map(name_of, wanted))}
    (folder / NEEDS).write_text(json.dumps(said), encoding="utf-8")
    grown = "".join(f" --nodes {shape}" for shape in nodes)
    packages, files = _modules((*PACKAGES, *spec.plugins))
    for module in files:  # of packages alone Ray takes a path; its working directory is where modules are found, too
        shutil.copyfile(module, folder / module.name)
    run = f"exec python3 -m sweeps.cli.main run {name} --address auto{grown}"
    return Shipment(
        command=f"python3 -m cluster.requirements {NEEDS} && {run}",
        modules=tuple(packages),
        # 20 MB that few sweeps start from.
        excludes=() if any(one.start == MINI for one in spec.models.values()) else (f"models/{MINI}/*.safetensors",),
        env={SHIPPED: code().model_dump_json()},
    )


def _modules(names: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """The packages that modules belong to, and those that are single files."""
    packages, files = list[Path](), list[Path]()
    for top in dict.fromkeys(name.partition(".")[0] for name in names):
        found = find_spec(top)
        if found is not None and found.submodule_search_locations:
            packages.append(Path(next(iter(found.submodule_search_locations))))
        elif found is not None and found.origin is not None:
            files.append(Path(found.origin))
    return packages, files
