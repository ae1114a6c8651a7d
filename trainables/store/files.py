"""Every file operation of the store goes through here: one contract, whatever holds the files.

`trainables.store.folders` has it for folders (this machine's, NFS, and other file systems that PyArrow or fsspec open),
`trainables.store.objects` for object stores (S3, GCS, Azure). Nothing above asks which it is, but whether files are
paths of this machine (`local`) and whether several drivers may share them (`exclusive`).
"""

from __future__ import annotations

import errno
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PARTIAL = ".partial"
"""What a file's name ends in until it is whole, where a write can be seen by half."""


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


class Files(ABC):
    """The operations of the store. Paths begin with what `open_files` gave as the root.

    What changes something is safe to do twice, and raises StoreError where it cannot be done, with the path, the
    reason, and what to do.
    """

    local = False
    """Whether the paths are paths of this machine."""

    @abstractmethod
    def reachable(self, root: str) -> None:
        """Raises StoreError, within seconds, where there is no way to what holds the files."""

    @abstractmethod
    def exclusive(self, root: str) -> bool:
        """Whether of several who `create` one file exactly one makes it: what several drivers on one store need."""

    # --- looking ---------------------------------------------------------------------------------------------

    @abstractmethod
    def is_file(self, path: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def is_dir(self, path: str) -> bool:
        """Whether there is such a directory; of an object store, whether anything is below it."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises FileNotFoundError."""

    @abstractmethod
    def list(self, path: str, deep: bool = False) -> list[Entry]:
        """What is in a directory, by name; `deep`: and in those below. Nothing where it is not there."""

    def sizes(self, path: str) -> dict[str, int]:
        """The files of a directory and of those below: relative path -> bytes."""
        return {entry.path[len(path) + 1 :]: entry.size for entry in self.list(path, deep=True) if entry.is_file}

    @abstractmethod
    def download(self, path: str, names: dict[str, int], directory: Path) -> None:
        """Copy the files `names` (name -> bytes) of a directory into a local one."""

    # --- changing --------------------------------------------------------------------------------------------

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write a file, its directory made where it is not there. Others may see a part of it: see `replace`."""

    @abstractmethod
    def replace(self, path: str, data: bytes) -> None:
        """Write a file so that a reader finds the old bytes or the new ones, and nothing between."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Write a file if there is none; whether this call has made it. `data` must be the caller's own: who finds
        them there takes the file for made by itself, in a try whose answer was lost."""

    @abstractmethod
    def make_dir(self, path: str) -> None:
        """Make a directory and those above it, where there is such a thing."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file, if it is there."""

    @abstractmethod
    def delete_tree(self, path: str) -> None:
        """Delete a directory with all that is in it, if it is there."""

    @abstractmethod
    def upload(self, directory: Path, path: str) -> None:
        """Copy a local directory to this file system."""

    @abstractmethod
    def sync(self, path: str) -> None:
        """Flush a local directory, all that is below it and its own name to the disk. Elsewhere nothing."""


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
