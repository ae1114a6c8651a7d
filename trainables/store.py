"""The store: where steps put what they made, and the one truth about what is done.

    STORE/steps/<step id>/record.json    recipe, execution, result, environment; written last
                          ...            what the step made: model/, head.safetensors, data/, metrics.json
    STORE/states/<step id>/              training state for resuming; gone when the step is done

A step is done if and only if its record is there. The record is written under another name and renamed into place
after everything else, so a step that was cut off anywhere is never taken for a whole one; whoever carries it out
next clears its remains. The store is any path that PyArrow or fsspec can open (`/path`, `file://`, `s3://`, ...):
steps work in a local directory, which is the store itself when that is local, and is uploaded otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

MODEL = "model"
"""Directory of a training step's backbone and tokenizer, as transformers writes them (a tokenizer step: tokenizer)."""
HEAD = "head.safetensors"
METRICS = "metrics.json"
PREDICTIONS = "predictions"
RECORD = "record.json"
STATE = "state.json"


class StoreError(OSError):
    """The store cannot be used; the message says which path and why."""


class Store:
    """Steps under `uri`. Creating one touches nothing; `check_writable` does."""

    def __init__(self, uri: str) -> None:
        self._fs, self.root = _open(uri)
        self.local = isinstance(self._fs, pafs.LocalFileSystem)
        self.uri = self.root if self.local else uri.rstrip("/")
        """The same wherever it is read: an absolute path, or the URI."""

    # --- what is done ----------------------------------------------------------------------------------------

    def done(self, step: str) -> bool:
        """Whether the record of `step` is in place."""
        return bool(self._fs.get_file_info(self._at("steps", step, RECORD)).type == pafs.FileType.File)

    def record(self, step: str) -> dict[str, Any]:
        """The record of a done step. Raises StoreError when there is none or it cannot be read."""
        return self.read_json(step, RECORD)

    def read_json(self, step: str, name: str) -> Any:
        """The JSON file `name` among what `step` made."""
        path = self._at("steps", step, name)
        try:
            with self._fs.open_input_stream(path) as file:
                return json.loads(file.read())
        except FileNotFoundError:
            raise StoreError(f"{path}: not in the store; run the step {step} first") from None
        except ValueError as error:
            raise StoreError(f"{path}: not readable as JSON ({error}); delete it and run again") from None

    def path(self, step: str) -> Path:
        """A local directory with all that a done step made (downloaded once when the store is remote)."""
        if not self.done(step):
            raise StoreError(f"{self._at('steps', step)}: not done; run the step {step} first")
        if self.local:
            return Path(self._at("steps", step))
        cached = _cache_dir() / step
        if not (cached / RECORD).exists():
            partial = Path(tempfile.mkdtemp(prefix=f"{step}.", dir=_cache_dir()))
            pafs.copy_files(self._at("steps", step), str(partial), self._fs, pafs.LocalFileSystem())
            try:
                partial.rename(cached)
            except OSError:  # another process was first; its copy is as good
                shutil.rmtree(partial)
        return cached

    # --- doing -----------------------------------------------------------------------------------------------

    def begin(self, step: str) -> Path:
        """Clear what an earlier attempt left and give an empty local directory for what the step makes."""
        self._clear(self._at("steps", step))
        if self.local:
            directory = Path(self._at("steps", step))
            directory.mkdir(parents=True)
            return directory
        return Path(tempfile.mkdtemp(prefix=f"{step}.", dir=_cache_dir()))

    def commit(self, step: str, made: Path, record: dict[str, Any]) -> None:
        """Put all of `made` into the store, then rename the record into place; the step is done from then on."""
        files = {str(p.relative_to(made)): p.stat().st_size for p in sorted(made.rglob("*")) if p.is_file()}
        if not self.local:
            pafs.copy_files(str(made), self._at("steps", step), pafs.LocalFileSystem(), self._fs)
            shutil.rmtree(made)
        text = json.dumps({**record, "step": step, "files": files}, indent=1, sort_keys=True)
        partial = self._at("steps", step, RECORD + ".partial")
        with self._fs.open_output_stream(partial) as file:
            file.write(text.encode())
        if self.local:
            with open(partial, "rb") as written:
                os.fsync(written.fileno())
        self._fs.move(partial, self._at("steps", step, RECORD))
        self._clear(self._at("states", step))

    # --- training state --------------------------------------------------------------------------------------

    def load_state(self, step: str) -> tuple[dict[str, Any], Path] | None:
        """The note and a local directory of the training state to resume `step` from, or None."""
        path = self._at("states", step, STATE)
        if self._fs.get_file_info(path).type != pafs.FileType.File:
            return None
        with self._fs.open_input_stream(path) as file:
            note = json.loads(file.read())
        if self.local:
            return note, Path(self._at("states", step))
        copy = Path(tempfile.mkdtemp(prefix=f"{step}.state.", dir=_cache_dir()))
        pafs.copy_files(self._at("states", step), str(copy), self._fs, pafs.LocalFileSystem())
        return note, copy

    def state_scratch(self, step: str) -> Path:
        """A local directory in which the workers of a machine write the next training state of `step`."""
        base = Path(self._at("states", step)) if self.local else _cache_dir() / f"{step}.next-state"
        base.mkdir(parents=True, exist_ok=True)
        return base

    def upload_state(self, step: str, scratch: Path, name: str) -> None:
        """Upload one worker's part of the state; nothing to do where the store is local."""
        if not self.local:
            pafs.copy_files(str(scratch / name), self._at("states", step, name), pafs.LocalFileSystem(), self._fs)

    def complete_state(self, step: str, name: str, note: dict[str, Any]) -> None:
        """Make `name` the state to resume from, and drop older ones. Called once, after every worker wrote."""
        partial = self._at("states", step, STATE + ".partial")
        with self._fs.open_output_stream(partial) as file:
            file.write(json.dumps({**note, "name": name}).encode())
        self._fs.move(partial, self._at("states", step, STATE))
        for info in self._fs.get_file_info(pafs.FileSelector(self._at("states", step))):
            if info.type == pafs.FileType.Directory and info.base_name != name:
                self._fs.delete_dir(info.path)

    # --- the rest --------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Write, read and delete a small file. Raises StoreError with the path and the reason."""
        probe = self._at(f".probe-{os.getpid()}")
        try:
            self._fs.create_dir(self.root, recursive=True)
            with self._fs.open_output_stream(probe) as file:
                file.write(b"probe")
            with self._fs.open_input_stream(probe) as file:
                assert file.read() == b"probe"
            self._fs.delete_file(probe)
        except (OSError, AssertionError) as error:
            raise StoreError(f"{self.uri} cannot be written ({error})") from None

    def locate(self, step: str, *parts: str) -> str:
        """Where `step` keeps something, as a path or URI for people and other programs."""
        return "/".join((self.uri, "steps", step, *parts))

    def _at(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def _clear(self, path: str) -> None:
        if self._fs.get_file_info(path).type == pafs.FileType.Directory:
            self._fs.delete_dir(path)


def _open(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).expanduser().absolute())
    try:
        fs, root = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError):  # a scheme that PyArrow does not know; fsspec knows many more
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(uri)
        except (ValueError, ImportError, OSError) as error:
            raise StoreError(f"{uri} cannot be opened ({error})") from None
        fs = pafs.PyFileSystem(pafs.FSSpecHandler(fs))
    return fs, root.rstrip("/")


def hash_model_dir(directory: Path) -> str:
    """sha256 over names and bytes of the files that make a local model: its identity in a recipe."""
    digest = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        if path.suffix in (".json", ".safetensors", ".model", ".txt") and path.is_file():
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def copy_over(source: Path, target: Path) -> None:
    """Copy a file or a directory, replacing what was there; nothing where there is no source."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _cache_dir() -> Path:
    """Local copies of a remote store's steps; a step's id names its content, so a copy never goes stale."""
    directory = Path(os.environ.get("XSTILTS_CACHE", Path.home() / ".cache" / "xstilts"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory
