"""Copies of what a remote store holds, on this machine: made once, used by all its processes, gone when room is wanted.

    CACHE/<name>/               a copy, whole: it was made under another name and renamed
    CACHE/locks/<name>          locked by its users together (shared), by who removes it alone (exclusive)
    CACHE/locks/<name>.making   locked by who makes it; the others wait

The kernel lets go of a lock with its process, so nothing is held up by the dead. A copy's name has the digest of the
record or note that lists its files, so none ever goes stale. Together they take no more than half of the room that they
and nothing else could have; those that were not used for the longest time go first, and one in use never.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainables.store.files import StoreError
from trainables.store.local import cache_dir, scratch_dir, size_of

LOCKS, MAKING = "locks", ".making"


@dataclass
class Copy:
    """A copy, kept while this lives."""

    path: Path
    lock: IO[str]

    def drop(self) -> None:
        """Use it no more; it goes if nobody else does."""
        self.lock.close()
        remove(self.path.name)


def use(name: str, size: int, fetch: Callable[[Path], None]) -> Copy:
    """The copy `name` of this machine; `fetch` makes it in a given directory where there is none, in one process alone.

    Raises StoreError where its `size` (bytes) finds no room.
    """
    path = cache_dir() / name
    lock = _lock(name, fcntl.LOCK_SH)
    os.utime(lock.fileno())
    if not path.exists():
        with _lock(name + MAKING, fcntl.LOCK_EX) as making:
            if not path.exists():
                _make_room(name, size)
                partial = scratch_dir(name)
                try:
                    fetch(partial)
                    partial.rename(path)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
            Path(making.name).unlink(missing_ok=True)
    return Copy(path, lock)


def remove(name: str) -> bool:
    """Remove a copy, unless a process uses it; whether it is gone."""
    try:
        with _lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
            gone = scratch_dir(name)
            (cache_dir() / name).rename(gone / "copy")
            shutil.rmtree(gone, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        shutil.rmtree(gone, ignore_errors=True)
    return True


def _make_room(name: str, size: int) -> None:
    sizes = {old: size_of(cache_dir() / old) for old in _unused_longest_first()}
    taken, free = sum(sizes.values()), shutil.disk_usage(cache_dir()).free
    share = (taken + free) / 2
    for old, bytes_ in sizes.items():
        if taken + size > share and remove(old):
            taken, free = taken - bytes_, free + bytes_
    if size > free:
        raise StoreError(
            f"{cache_dir()}: {free / 2**20:,.0f} MiB are left, the copy of {name} takes {size / 2**20:,.0f}; make "
            "room, or set XSTILTS_CACHE to a folder on a larger disk of this machine"
        )


def _unused_longest_first() -> Iterator[str]:
    """All copies: the time of a lock is that of its last use."""
    locks = [lock for lock in (cache_dir() / LOCKS).iterdir() if (cache_dir() / lock.name).is_dir()]
    yield from (lock.name for lock in sorted(locks, key=lambda lock: lock.stat().st_mtime))


def _lock(name: str, kind: int) -> IO[str]:
    path = cache_dir() / LOCKS / name
    path.parent.mkdir(exist_ok=True)
    while True:
        file = path.open("a")
        try:
            fcntl.flock(file, kind)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except FileNotFoundError:  # whoever had it before has removed it meanwhile
            pass
        except BaseException:
            file.close()
            raise
        file.close()
