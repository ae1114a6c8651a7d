"""The lock file of a sweep: which commits of hub data sets its numbers stand for, and which files those are.

``paper.yaml`` has ``paper.lock.json`` beside it. ``xstilts data pull`` writes it; plans read it, so that a branch that
moves on changes nothing. A revision in the sweep file goes before the one in the lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import HubFile


@dataclass(frozen=True)
class Lock:
    """Commit by data set id, and by data set id the files that were pulled, by path."""

    revisions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, HubFile]] = field(default_factory=dict)


def lock_path(file: Path) -> Path:
    """Where the lock of a sweep file is. A study that is asked for by its name has it in the current folder."""
    return file.with_suffix(".lock.json")


def read_lock(file: Path) -> Lock:
    """The lock beside a sweep file; an empty one where there is none. Raises DataError if it is no lock."""
    path = lock_path(file)
    if not path.is_file():
        return Lock()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["datasets"]
        return Lock(
            revisions={dataset: str(entry["revision"]) for dataset, entry in entries.items()},
            files={
                dataset: {name: HubFile(name=name, **one) for name, one in entry["files"].items()}
                for dataset, entry in entries.items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{path}: not a lock file ({problem!r}); remove it and run `xstilts data pull {file}`"
        ) from None


def write_lock(file: Path, lock: Lock) -> Path:
    """Write the lock beside a sweep file, whole or not at all; its path."""
    path = lock_path(file)
    entries = {
        dataset: {
            "revision": lock.revisions[dataset],
            "files": {
                name: {"size": one.size, "sha256": one.sha256}
                for name, one in sorted(lock.files.get(dataset, {}).items())
            },
        }
        for dataset in sorted(lock.revisions)
    }
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps({"datasets": entries}, indent=1) + "\n", encoding="utf-8")
    new.replace(path)
    return path
