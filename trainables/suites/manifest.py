"""What a folder of submission files holds and what it came from: its ``manifest.json``.

{"suite": ..., "tasks": {task: {language: {"file", "rows", "sha256", "origin"}}}}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.suites.definitions import Suite

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file of predictions or labels that was written.

    Attributes:
        task, language: of the suite.
        file: its path below the folder, with slashes.
        rows: how many examples are in it (of pairs: how many pairs).
        sha256: of its bytes.
        origin: what it came from, as JSON: the step, the model, the data, the seed, whatever the writer knows.
    """

    task: str
    language: str
    file: str
    rows: int
    sha256: str
    origin: Mapping[str, Any]


def write_manifest(folder: Path, suite: Suite, written: Iterable[Written]) -> Path:
    """Write the manifest of `written`, in the order of the suite; its path."""
    found = {(one.task, one.language): one for one in written}
    tasks = {
        task.name: {
            language: {"file": one.file, "rows": one.rows, "sha256": one.sha256, "origin": dict(one.origin)}
            for language in task.languages
            if (one := found.get((task.name, language)))
        }
        for task in suite.tasks.values()
    }
    path = folder / MANIFEST
    content = {"suite": suite.name, "tasks": {task: files for task, files in tasks.items() if files}}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def changed(folder: Path) -> list[str]:
    """Files that the folder's manifest names and that are gone or no longer what was written. A folder without a
    manifest, or with one of another form, has none."""
    return [file for file, digest in _entries(folder) if sha256_of(folder / file) != digest]


def remove_listed(folder: Path) -> None:
    """Remove the files that the manifest of a folder names, and it: what is written next may be fewer, and what is
    left of an earlier time would be scored with it. Files that have been changed since are another's, and stay."""
    for file, digest in _entries(folder):
        if sha256_of(folder / file) == digest:
            (folder / file).unlink()
    (folder / MANIFEST).unlink(missing_ok=True)


def _entries(folder: Path) -> list[tuple[str, str]]:
    """Files and digests of a manifest; only such files as an export writes: `TASK/FILE`."""
    try:
        tasks = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["tasks"]
        entries = [(one["file"], one["sha256"]) for files in tasks.values() for one in files.values()]
        return [(file, digest) for file, digest in entries if re.fullmatch(r"[^/\\]+/test-[^/\\]+", file)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def sha256_of(path: Path) -> str | None:
    """Of a file's bytes; None where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
