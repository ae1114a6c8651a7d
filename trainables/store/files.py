"""Every file operation of the store goes through here: one seam over PyArrow's file systems.

On a local file system each change is durable when the call returns: a file is flushed to the disk before it is renamed,
and the directory after. So what a later step of a protocol finds was whole before that step began, also after a power
cut. On others (object stores) a finished write is durable by contract, and nothing is flushed.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from trainables.outside.places import folder_problem, local_path
from trainables.outside.text import Unreadable, shown

NO_STORE = ("http", "https", "git", "github", "data", "reference")
"""Schemes that fsspec knows and that nothing can be written to."""
PARTIAL = ".partial"
"""What a file's name ends in until it is whole."""


class StoreError(OSError):
    """The store cannot be used; the message says which path and why."""


@dataclass(frozen=True)
class Entry:
    """A file or directory that `Files.list` found; `size` in bytes, 0 for directories."""

    path: str
    is_file: bool
    size: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Files:
    """The operations of the store on one file system. Paths are as that file system writes them.

    What changes something raises StoreError where it cannot be done, with the path, the reason, and what to do.
    """

    def __init__(self, fs: pafs.FileSystem) -> None:
        self._fs = fs
        self.local = isinstance(fs, pafs.LocalFileSystem)

    # --- looking ---------------------------------------------------------------------------------------------

    def is_file(self, path: str) -> bool:
        return bool(self._fs.get_file_info(path).type == pafs.FileType.File)

    def is_dir(self, path: str) -> bool:
        return bool(self._fs.get_file_info(path).type == pafs.FileType.Directory)

    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises FileNotFoundError."""
        with self._fs.open_input_stream(path) as file:
            return bytes(file.read())

    def list(self, path: str, deep: bool = False) -> list[Entry]:
        """What is in a directory, by name; `deep`: and in those below. Nothing where it is not there."""
        selector = pafs.FileSelector(path, allow_not_found=True, recursive=deep)
        found = [
            Entry(info.path.rstrip("/"), info.type == pafs.FileType.File, info.size or 0)
            for info in self._fs.get_file_info(selector)
        ]
        return sorted(found, key=lambda entry: entry.path)

    def sizes(self, path: str) -> dict[str, int]:
        """The files of a directory and of those below: relative path -> bytes."""
        return {entry.path[len(path) + 1 :]: entry.size for entry in self.list(path, deep=True) if entry.is_file}

    def download(self, path: str, directory: Path) -> None:
        """Copy a directory of this file system into a local one."""
        with telling(str(directory)):
            pafs.copy_files(path, str(directory), self._fs, pafs.LocalFileSystem())

    # --- changing --------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
        """Write a file, its directory made where it is not there. Others may see a part of it: see `replace`."""
        with telling(path):
            self._fs.create_dir(path.rpartition("/")[0], recursive=True)
            with self._fs.open_output_stream(path) as file:
                file.write(data)
            if self.local:
                _sync(path)

    def move(self, source: str, target: str) -> None:
        """Rename a file, over another where there is one; on a local file system at once or not at all."""
        with telling(target):
            self._fs.move(source, target)
            if self.local:
                _sync(target.rpartition("/")[0])

    def replace(self, path: str, data: bytes) -> None:
        """Write a file so that a reader finds the old bytes or the new ones, and nothing between."""
        self.write(path + PARTIAL, data)
        self.move(path + PARTIAL, path)

    def create(self, path: str, data: bytes, visibility_delay: float) -> bool:
        """Write a file if there is none; whether this call has made it.

        On a local file system (NFS included) of all who try at once exactly one makes it. Elsewhere PyArrow offers no
        such thing, so the file is written, and read again after `visibility_delay` seconds: of several who write
        within that time the last one has made it. Someone who is held up for longer between looking and writing
        overwrites what is there, which who was there before finds out at the next look: a lease is looked at again
        before each commit.
        """
        with telling(path):
            self._fs.create_dir(path.rpartition("/")[0], recursive=True)
            if self.local:
                try:
                    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
                except FileExistsError:
                    return False
                with open(handle, "wb") as file:
                    file.write(data)
                return True
            if self.is_file(path):
                return False
            with self._fs.open_output_stream(path) as file:
                file.write(data)
            time.sleep(visibility_delay)
            try:
                return self.read(path) == data
            except FileNotFoundError:
                return False

    def make_dir(self, path: str) -> None:
        """Make a directory and those above it."""
        with telling(path):
            self._fs.create_dir(path, recursive=True)

    def delete(self, path: str) -> None:
        """Delete a file, if it is there."""
        with telling(path):
            try:
                self._fs.delete_file(path)
            except FileNotFoundError:
                return

    def delete_tree(self, path: str) -> None:
        """Delete a directory with all that is in it, if it is there."""
        with telling(path):
            try:
                self._fs.delete_dir(path)
            except FileNotFoundError:
                return

    def upload(self, directory: Path, path: str) -> None:
        """Copy a local directory to this file system."""
        with telling(path):
            self._fs.create_dir(path, recursive=True)
            pafs.copy_files(str(directory), path, pafs.LocalFileSystem(), self._fs)

    def sync(self, path: str) -> None:
        """Flush a local directory, all that is below it and its own name to the disk. Elsewhere nothing."""
        if not self.local:
            return
        with telling(path):
            for folder, _, names in os.walk(path):
                for name in names:
                    _sync(os.path.join(folder, name))
                _sync(folder)
            parent = os.path.dirname(path)
            for folder in (parent, os.path.dirname(parent)):  # it and the directory that it is in may be new
                _sync(folder)


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def telling(path: str) -> Iterator[None]:
    """Say in one line which path could not be changed, why, and what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        if disk_full(error, path):
            raise no_room(path) from None
        raise StoreError(f"{path}: cannot be written ({error}); mend that and run again") from None


def disk_full(error: BaseException, path: str) -> bool:
    """Whether `error`, or one that it comes from, is for want of room on the disk of `path`, whoever says so."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        text = str(cause)
        if "No space left" in text or "Disk quota exceeded" in text:  # safetensors, Arrow
            return True
        # torch does not say why it could not write.
        if any(words in text for words in ("iostream error", "inline_container", "file write failed")):
            return _room(path) < 2**26
        cause = cause.__cause__ or cause.__context__
    return False


def no_room(path: str) -> StoreError:
    """The one line on a full disk."""
    return StoreError(
        f"{path}: the disk is full ({_room(path) / 2**20:,.0f} MiB left); make room (`xstilts gc FILE` frees what no "
        "step needs) and run again: what was done, and the last whole training state, are kept"
    )


def _room(path: str) -> int:
    """Bytes left on the disk of a path, which may be still to be made; 0 where that cannot be told."""
    for place in (Path(path), *Path(path).parents):
        if place.is_dir():
            return shutil.disk_usage(place).free
    return 0


def open_files(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a path or a URI, and the path in it. Raises StoreError where it can be none."""
    if "://" not in uri:
        return pafs.LocalFileSystem(), _local_root(uri)
    if (scheme := uri.partition("://")[0]) in NO_STORE:
        raise StoreError(f"{shown(uri)}: nothing can be written to {scheme}; a URI is like s3://BUCKET/PATH")
    try:
        fs, root = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError):  # a scheme that PyArrow does not know; fsspec knows many more
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(uri)
        except Exception as error:  # each protocol is somebody else's code
            raise StoreError(f"{shown(uri)} cannot be opened ({error})") from None
        fs = pafs.PyFileSystem(pafs.FSSpecHandler(fs))
    return fs, _local_root(root) if isinstance(fs, pafs.LocalFileSystem) else root.rstrip("/")


def _local_root(place: str) -> str:
    try:
        path = local_path(place)
    except Unreadable as error:
        raise StoreError(str(error)) from None
    if problem := folder_problem(path):
        raise StoreError(problem)
    return str(path)
