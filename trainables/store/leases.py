"""Leases: of several drivers on one store one alone carries out a step, and who is gone holds nothing up.

    STORE/owners/<owner>.json        who a driver is, and a counter of its heartbeats
    STORE/leases/<step id>.<n>       the owner's name; the highest n is the lease

An owner is dead when its counter has stood still for the time to live while the observer watched, by the observer's own
monotonic clock; at once if it was a process of this machine that is gone. No clock of another machine is ever read, and
no wall clock at all, so neither can be wrong.

A stale lease is taken over by creating the next number, which exactly one of all who try can do (`Files.create`).
Numbers begin anew when a lease is given back, so whoever has created one looks again, and steps back where someone
else's lease has appeared that was not there before.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from trainables.store.files import Files, StoreError
from trainables.store.process import Process

OWNERS, LEASES = "owners", "leases"
SEEN = 2.0
"""Seconds after which every other driver sees a new file, where a store cannot create exclusively."""
LOOKS = 3
"""Looks that must have found the same counter: one long pause of the observer says nothing of the owner."""


class LeaseLost(StoreError):
    """A step's lease is another driver's now: what this one does for it must end."""


@dataclass(frozen=True)
class Lease:
    """One lease of a step."""

    step: str
    number: int
    owner: str
    """Empty while it is being written."""

    @property
    def name(self) -> str:
        return f"{self.step}.{self.number}"


@dataclass(frozen=True)
class Owner:
    """A driver, as its file says it."""

    process: Process
    beats: int


@dataclass
class _Watch:
    """What an observer has seen of an owner: since when the same counter, in how many looks, the last of them when."""

    beats: int | None
    since: float
    last: float
    looks: int = 0


class Leases:
    """What one driver holds, and its heartbeat while the block lasts. Leaving the block gives everything back.

    Args:
        files, root: those of the store.
        beat: seconds between heartbeats.
        ttl: seconds without one after which others take an owner for dead.

    Raises StoreError on entering where the store cannot be shared and another driver uses it.
    """

    def __init__(self, files: Files, root: str, beat: float = 10.0, ttl: float = 60.0) -> None:
        self._files, self._root = files, root
        self._beat, self._ttl = beat, ttl
        self._process = Process.this()
        self.owner = f"{self._process.host}-{self._process.pid}-{uuid.uuid4().hex[:8]}"
        """This driver's name: `Store(uri, owner=...)` lets the steps of its workers end when their lease is lost."""
        self.held: set[str] = set()
        self._watched: dict[str, _Watch] = {}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._live, name="lease heartbeat", daemon=True)

    def __enter__(self) -> Leases:
        self._write(0)
        if not self._files.exclusive(self._root):
            self._refuse_others()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        with suppress(StoreError):  # the store is away; others will find these leases stale
            for step in sorted(self.held):
                self.release(step)
            self._files.delete(_owner_path(self._root, self.owner))

    def acquire(self, step: str) -> bool:
        """Take the lease of `step`; False while another driver that lives holds it. Whether the step is done must be
        asked after this, not before."""
        found = leases_of(self._files, self._root, step)
        if not self._free(found):
            return False
        if found and found[-1].owner == self.owner:
            self.held.add(step)
            return True
        mine = Lease(step, found[-1].number + 1 if found else 1, self.owner)
        if not self._files.create(self._path(mine), self.owner.encode()):
            return False
        if any(lease not in found for lease in leases_of(self._files, self._root, step) if lease != mine):
            self._files.delete(self._path(mine))
            return False
        for old in found:
            self._files.delete(self._path(old))
        self.held.add(step)
        return True

    def release(self, step: str) -> None:
        """Give the lease of `step` back, if it is still this driver's."""
        self.held.discard(step)
        for lease in leases_of(self._files, self._root, step):
            if lease.owner == self.owner:
                self._files.delete(self._path(lease))

    def is_free(self, step: str) -> bool:
        """Whether this driver could take the lease of `step`, or has it."""
        return self._free(leases_of(self._files, self._root, step))

    def _free(self, found: list[Lease]) -> bool:
        if not found or found[-1].owner == self.owner:
            return True
        last = found[-1]
        # A lease without an owner's name was cut off while it was written, or is written right now.
        return self.expired(last.owner) if last.owner else self._stands_still(last.name, None)

    def holder(self, step: str) -> str | None:
        """Who holds the lease of `step`, for messages; None when nobody does."""
        lease = lease_of(self._files, self._root, step)
        if lease is None:
            return None
        owner = read_owner(self._files, self._root, lease.owner)
        return str(owner.process) if owner else lease.owner or "a driver that has just begun"

    # --- others ----------------------------------------------------------------------------------------------

    def expired(self, owner: str) -> bool:
        """Whether an owner is dead, as far as this observer has watched it: ask again until `ttl` has passed."""
        found = read_owner(self._files, self._root, owner)
        return (found is not None and found.process.is_gone) or self._stands_still(
            owner, found.beats if found else None
        )

    def others(self) -> list[str]:
        """The other drivers that live. One of another machine is watched until it beats, or for the time to live."""
        living, first = [], dict[str, int | None]()
        unknown = [name for name in owners(self._files, self._root) if name != self.owner]
        while unknown:
            for name in list(unknown):
                owner = read_owner(self._files, self._root, name)
                here = owner is not None and owner.process.machine == self._process.machine != ""
                beats = owner.beats if owner else None
                if self.expired(name):
                    unknown.remove(name)
                elif here or beats != first.setdefault(name, beats):
                    unknown.remove(name)
                    living.append(name)
            if unknown:
                time.sleep(self._beat / 2)
        return living

    def _stands_still(self, name: str, beats: int | None) -> bool:
        now = time.monotonic()
        with self._lock:
            watch = self._watched.get(name)
            if watch is None or watch.beats != beats:
                self._watched[name] = _Watch(beats, now, now)
                return False
            if now - watch.last >= self._beat:
                watch.looks, watch.last = watch.looks + 1, now
            return now - watch.since >= self._ttl and watch.looks >= LOOKS

    # --- this one --------------------------------------------------------------------------------------------

    def _live(self) -> None:
        """Beat, and look at the others that stand in the way, so that a verdict on them is not late."""
        beats = 0
        while not self._over.wait(self._beat):
            beats += 1
            try:
                self._write(beats)
                for name in list(self._watched):
                    self.expired(name)
            except OSError:  # the store is away; for others this driver stands still, and that is the truth
                continue

    def _write(self, beats: int) -> None:
        text = json.dumps({**asdict(self._process), "beats": beats})
        self._files.replace(_owner_path(self._root, self.owner), text.encode())

    def _refuse_others(self) -> None:
        """Of two drivers that begin at once on a store that cannot be shared each sees the other, and both end."""
        time.sleep(SEEN)
        if others := self.others():
            self._files.delete(_owner_path(self._root, self.owner))
            raise StoreError(
                f"{self._root}: it cannot create a file exclusively, so one driver at a time may use it, and "
                f"{others[0]} does; wait for its end, or store on a shared folder, s3://, gs:// or az://"
            )

    def _path(self, lease: Lease) -> str:
        return f"{self._root}/{LEASES}/{lease.name}"


def leases_of(files: Files, root: str, step: str | None = None) -> list[Lease]:
    """The leases of a step (of all steps), the one that counts last."""
    found = []
    for entry in files.list(f"{root}/{LEASES}"):
        name, _, number = entry.name.rpartition(".")
        if number.isdigit() and step in (None, name):
            try:
                found.append(Lease(name, int(number), files.read(entry.path).decode()))
            except FileNotFoundError:  # given back since
                continue
    return sorted(found, key=lambda lease: (lease.step, lease.number))


def lease_of(files: Files, root: str, step: str) -> Lease | None:
    """The lease of a step that counts."""
    return next(reversed(leases_of(files, root, step)), None)


def active_leases(files: Files, root: str) -> dict[str, str]:
    """The steps whose lease is held by a driver that may live, and who that is, for people."""
    found = {}
    for lease in leases_of(files, root):
        owner = read_owner(files, root, lease.owner)
        if owner is None or not owner.process.is_gone:
            found[lease.step] = str(owner.process) if owner else lease.owner or "a driver that has just begun"
        else:
            found.pop(lease.step, None)
    return found


def owners(files: Files, root: str) -> list[str]:
    """Names of all registered drivers, dead ones included."""
    return [e.name.removesuffix(".json") for e in files.list(f"{root}/{OWNERS}") if e.name.endswith(".json")]


def read_owner(files: Files, root: str, name: str) -> Owner | None:
    """A driver by its name; None where it is not registered, or its file is damaged."""
    try:
        fields: dict[str, Any] = json.loads(files.read(_owner_path(root, name)))
        return Owner(Process(**{key: fields[key] for key in Process.__dataclass_fields__}), fields["beats"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _owner_path(root: str, name: str) -> str:
    return f"{root}/{OWNERS}/{name}.json"
