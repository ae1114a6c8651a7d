"""The lock file of a sweep: which commits of hub data sets its numbers stand for, and which files those are.

``paper.yaml`` has ``paper.lock.json`` beside it. ``xstilts data pull`` writes it; plans read it, so that a branch that
moves on changes nothing. A revision in the sweep file goes before the one in the lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from trainables.outside.fields import Place, Revision, explained
from trainables.outside.json import read_json
from trainables.outside.text import Unreadable
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import HubFile

SIZE = 2**26
"""Bytes of a lock file, at most."""


class _Checksum(BaseModel, extra="forbid"):
    size: Annotated[int, Field(strict=True, ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Dataset(BaseModel, extra="forbid"):
    revision: Revision
    files: dict[Place, _Checksum] = Field(default_factory=dict)


class _LockFile(BaseModel, extra="forbid"):
    datasets: dict[Place, _Dataset]


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
        entries = _LockFile.model_validate(read_json(path, SIZE)).datasets
    except (Unreadable, ValidationError) as problem:
        line = str(problem) if isinstance(problem, Unreadable) else f"{path}: {explained(problem, _LockFile)[0]}"
        raise DataError(f"{line}: no lock file as `xstilts data pull` writes it; remove it and pull again") from None
    return Lock(
        revisions={dataset: entry.revision for dataset, entry in entries.items()},
        files={
            dataset: {name: HubFile(name=name, size=one.size, sha256=one.sha256) for name, one in entry.files.items()}
            for dataset, entry in entries.items()
        },
    )


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
