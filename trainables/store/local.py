"""Directories of this machine: a model's identity, copies, and the place of a remote store's copies."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from trainables.outside.places import local_path
from trainables.outside.text import Unreadable
from trainables.store.files import StoreError
from trainables.store.process import Process


def hash_model_dir(directory: Path) -> str:
    """sha256 over names and bytes of the files that make a local model: its identity in a recipe. A model may be a
    single file, whose name says nothing."""
    digest = hashlib.sha256()
    if directory.is_file():
        with directory.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    for path in sorted(directory.iterdir()):
        if path.suffix in (".json", ".safetensors", ".model", ".txt") and path.is_file():
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def link_over(source: Path, target: Path) -> None:
    """Give a file or a directory of files a second name, replacing what was there; nothing where there is no source.

    Neither may be written in place from then on. Where the file system has no links, it is a copy.
    """
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, copy_function=_link)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        _link(source, target)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def cache_dir() -> Path:
    """Local copies of a remote store's steps; a copy's name has the digest of its record, so it never goes stale."""
    try:
        directory = local_path(os.environ.get("XSTILTS_CACHE", "~/.cache/xstilts"))
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, Unreadable) as error:
        raise StoreError(f"XSTILTS_CACHE: no copies can be kept there ({error}); set it to another folder") from None
    return directory


def scratch_dir(step: str) -> Path:
    """A new directory of this process in the cache, its mark in the name: free for all when the process is gone."""
    return Path(tempfile.mkdtemp(prefix=f"{step}.{Process.this().mark}.", dir=cache_dir()))


def size_of(directory: Path) -> int:
    """Bytes of all files below a local directory."""
    return sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())
