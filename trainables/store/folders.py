"""The store's files in folders: of this machine, of a shared file system (NFS), of what else PyArrow or fsspec open.

On a local file system each change is durable when the call returns: a file is flushed to the disk before it is renamed,
and the directory after. So what a later step of a protocol finds was whole before that step began, also after a power
cut. Of other file systems (`hdfs://`, `sftp://`, ...) it is not known whether they create exclusively or rename at
once, so that one driver alone may use a store there (`exclusive`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.fs as pafs

from trainables.store.files import PARTIAL, Entry, Files, telling


class FolderFiles(Files):
    """The operations on a file system of PyArrow's."""

    def __init__(self, fs: pafs.FileSystem) -> None:
        self._fs = fs
        self.local = isinstance(fs, pafs.LocalFileSystem)

    def reachable(self, root: str) -> None:
        return

    def exclusive(self, root: str) -> bool:
        return self.local

    # --- looking ---------------------------------------------------------------------------------------------

    def is_file(self, path: str) -> bool:
        return bool(self._fs.get_file_info(path).type == pafs.FileType.File)

    def is_dir(self, path: str) -> bool:
        return bool(self._fs.get_file_info(path).type == pafs.FileType.Directory)

    def read(self, path: str) -> bytes:
        with self._fs.open_input_stream(path) as file:
            return bytes(file.read())

    def list(self, path: str, deep: bool = False) -> list[Entry]:
        selector = pafs.FileSelector(path, allow_not_found=True, recursive=deep)
        found = [
            Entry(info.path.rstrip("/"), info.type == pafs.FileType.File, info.size or 0)
            for info in self._fs.get_file_info(selector)
        ]
        return sorted(found, key=lambda entry: entry.path)

    def download(self, path: str, names: dict[str, int], directory: Path) -> None:
        with telling(str(directory)):
            directory.mkdir(parents=True, exist_ok=True)
            pafs.copy_files(path, str(directory), self._fs, pafs.LocalFileSystem())

    # --- changing --------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
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
        self.write(path + PARTIAL, data)
        self.move(path + PARTIAL, path)

    def create(self, path: str, data: bytes) -> bool:
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
            if self.is_file(path):  # good enough for one driver
                return False
            with self._fs.open_output_stream(path) as file:
                file.write(data)
            return True

    def make_dir(self, path: str) -> None:
        with telling(path):
            self._fs.create_dir(path, recursive=True)

    def delete(self, path: str) -> None:
        with telling(path):
            try:
                self._fs.delete_file(path)
            except FileNotFoundError:
                return

    def delete_tree(self, path: str) -> None:
        with telling(path):
            try:
                self._fs.delete_dir(path)
            except FileNotFoundError:
                return

    def upload(self, directory: Path, path: str) -> None:
        with telling(path):
            self._fs.create_dir(path, recursive=True)
            pafs.copy_files(str(directory), path, pafs.LocalFileSystem(), self._fs)

    def sync(self, path: str) -> None:
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
