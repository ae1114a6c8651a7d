"""What is to be told to MLflow, in a file: one JSON line for each event, in their order.

    FOLDER/<time>-<driver>.jsonl        the events of one driver; locked while it lives
    FOLDER/<time>-<driver>.jsonl.sent   bytes of it that MLflow has

The folder is in the store where that is a local path, so that whoever sees the store can send what is left there; else
on the driver's machine, because no object store can append to a file. A line is in the file when `append` returns, so
it survives the process; before a power cut the last lines may be lost, and then the store still has the results.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.store import Store

log = logging.getLogger(__name__)

Event = dict[str, Any]


def folder_of(store: Store, sweep: str) -> Path:
    """Where the journals of a sweep are."""
    return store.folder_beside("tracking") / sweep


class Journal:
    """One journal, locked by whoever has it: the driver that appends, or the one that sends what a dead one left."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self._file = path, file
        self._sent = path.with_name(path.name + ".sent")
        self._write_lock = threading.Lock()
        self._complete = True
        self.position = self._read_position()
        self.lost = 0
        """Events that could not be written."""

    @classmethod
    def new(cls, folder: Path) -> Journal:
        """An empty journal of this process. Raises OSError where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.time_ns()}-{os.getpid()}.jsonl"
        journal = cls.locked(path, "xb+")
        assert journal is not None
        return journal

    @classmethod
    def locked(cls, path: Path, mode: str = "rb+") -> Journal | None:
        """The journal at `path`; None while another has it, or when it is gone."""
        try:
            file = path.open(mode, buffering=0)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return cls(path, file) if path.exists() else None  # the one who had it may have sent it all just now

    def append(self, event: Event) -> None:
        """Put an event at the end. A disk that takes nothing costs the event, never an error."""
        line = json.dumps(event).encode() + b"\n"
        with self._write_lock:
            try:
                # After a line that was cut off, a new one: it alone is lost.
                written = self._file.write(line if self._complete else b"\n" + line)
                self._complete = written == len(line) + (not self._complete)
                failed = None if self._complete else "short write"
            except OSError as error:
                failed = str(error)
        if failed is not None:
            self.lost += 1
            if self.lost == 1:
                log.warning("%s: %s; MLflow will lack what happens meanwhile, the store will not", self.path, failed)

    def unsent(self, limit: int) -> list[tuple[Event, int]]:
        """The next events that MLflow has not, at most `limit`, each with the position behind it."""
        return list(self._events(self.position, limit))

    def all(self) -> list[Event]:
        """Every event of the journal."""
        return [event for event, _ in self._events(0, None)]

    def _events(self, position: int, limit: int | None) -> Iterator[tuple[Event, int]]:
        with self.path.open("rb") as file:
            file.seek(position)
            count = 0
            for line in file:
                if not line.endswith(b"\n") or (limit is not None and count >= limit):
                    return
                position += len(line)
                try:
                    yield json.loads(line), position
                    count += 1
                except ValueError:  # cut off by a full disk
                    continue

    @property
    def backlog(self) -> int:
        """Events that MLflow has not."""
        return len(self.unsent(10**9))

    def sent(self, position: int) -> None:
        """Note that MLflow has everything before `position`. Where that cannot be written, more is sent twice."""
        self.position = position
        new = self._sent.with_name(self._sent.name + ".new")
        try:
            new.write_text(str(position))
            new.replace(self._sent)
        except OSError as error:
            log.debug("%s: %s", new, error)

    def _read_position(self) -> int:
        try:
            return int(self._sent.read_text())
        except (OSError, ValueError):
            return 0

    def close(self, delete: bool) -> None:
        """Give the journal free; `delete` where MLflow has all of it."""
        if delete:
            self.path.unlink(missing_ok=True)
            self._sent.unlink(missing_ok=True)
        self._file.close()


def left_behind(folder: Path) -> tuple[list[Journal], set[Path]]:
    """The journals whose drivers live no more, the oldest first, locked, so that nobody else sends them; and the paths
    of those that somebody has."""
    found, held = [], set()
    for path in sorted(folder.glob("*.jsonl")):
        journal = Journal.locked(path)
        if journal is not None:
            found.append(journal)
        else:
            held.add(path)
    return found, held
