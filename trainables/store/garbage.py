"""What nobody needs: leftovers of interrupted attempts, states of done steps, dead drivers, stale copies.

Only plain leftovers are found here: what has no record and no live lease, or what a record makes superfluous. A
training state that is whole stays while its step is not done, whatever sweep it belongs to, and so does every done
step.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainables.store.copies import remove
from trainables.store.core import FAILURES, HEAD, MODEL, PROBE, RECORD, STATES, STEPS, Store
from trainables.store.files import PARTIAL, Entry, StoreError
from trainables.store.leases import LEASES, OWNERS, Leases, leases_of, owners
from trainables.store.local import cache_dir, size_of
from trainables.store.process import Process

DIGEST = re.compile(r"(-state)?-[0-9a-f]{8}")
"""What the name of a copy has behind that of its step."""


@dataclass(frozen=True)
class Garbage:
    """Something to be freed; `size` in bytes."""

    path: str
    size: int
    why: str


def clear(store: Store, leases: Leases, dry_run: bool = False) -> list[Garbage]:
    """Free all leftovers, each step's under its lease; what was freed (`dry_run`: what would be).

    What another driver holds is left alone, and so is what this one holds now.
    """
    freed, others = [], list(_of_store(store, leases))
    for step in _steps(store):
        if step in leases.held or not _of_step(store, step) or not leases.is_free(step):
            continue
        if dry_run:
            freed += _of_step(store, step)
        elif leases.acquire(step):
            try:
                freed += _free(store, _of_step(store, step))
            finally:
                leases.release(step)
    freed += others if dry_run else _free(store, others)
    return freed + _of_cache(dry_run)


def clear_copies(steps: list[str], dry_run: bool = False) -> list[Garbage]:
    """Free this machine's copies of steps of a remote store."""
    copies = [
        path for step in steps for path in cache_dir().glob(f"{step}-*") if DIGEST.fullmatch(path.name[len(step) :])
    ]
    found = [(path.name, Garbage(str(path), size_of(path), "copy of a step of the store")) for path in copies]
    return [copy for name, copy in found if dry_run or remove(name)]


def _steps(store: Store) -> list[str]:
    found = [entry.name for folder in (STEPS, STATES) for entry in store.files.list(store.at(folder))]
    found += [entry.name.removesuffix(".json") for entry in store.files.list(store.at(FAILURES))]
    return sorted(set(found))


def _of_step(store: Store, step: str) -> list[Garbage]:
    """Remains under a step's name."""
    path, state, files = store.at(STEPS, step), store.at(STATES, step), store.files
    if not store.done(step):
        found = [_tree(store, path, "an attempt that was cut off")] if files.is_dir(path) else []
        kept = store.state_name(step)
        if kept is None or store.check_state(step) is not None:
            return found + ([_tree(store, state, "a training state that is not whole")] if files.is_dir(state) else [])
        for entry in files.list(state):
            if not entry.is_file and entry.name != kept:
                found.append(_tree(store, entry.path, "a training state that is not whole"))
        return found + [_file(entry, "half written") for entry in files.list(state) if entry.name.endswith(PARTIAL)]
    found = [_tree(store, state, "training state of a done step")] if files.is_dir(state) else []
    failure = store.at(FAILURES, f"{step}.json")
    if files.is_file(failure):
        found.append(Garbage(failure, len(files.read(failure)), "failure of a step that is done now"))
    try:
        record = store.record(step)
    except StoreError:  # damaged: whoever needs the step says so and makes it again
        return found
    for entry in files.list(path):
        if entry.name == RECORD + PARTIAL:
            found.append(_file(entry, "half written"))
        elif entry.name in (MODEL, HEAD) and not any(name.split("/")[0] == entry.name for name in record["files"]):
            found.append(_tree(store, entry.path, "weights that were dropped"))
    return found


def _of_store(store: Store, leases: Leases) -> Iterator[Garbage]:
    """Remains of drivers that are gone."""
    registered = [name for name in owners(store.files, store.root) if name != leases.owner]
    dead = {name for name in registered if leases.expired(name)}
    for lease in leases_of(store.files, store.root):
        if lease.owner in dead or (lease.owner and lease.owner != leases.owner and leases.expired(lease.owner)):
            path = store.at(LEASES, lease.name)
            yield Garbage(path, len(lease.owner), "lease of a driver that is gone")
    for entry in store.files.list(store.at(OWNERS)):
        name = entry.name.removesuffix(PARTIAL).removesuffix(".json")
        if name in dead or (entry.name.endswith(PARTIAL) and name not in (*registered, leases.owner)):
            yield _file(entry, "a driver that is gone")
    for entry in store.files.list(store.root):
        if entry.is_file and entry.name.startswith(PROBE):
            process = Process.of_mark(entry.name)
            if process is None or process.is_gone:
                yield _file(entry, "a trial write")


def _of_cache(dry_run: bool) -> list[Garbage]:
    """Directories in this machine's cache whose process is gone."""
    marked = ((path, Process.of_mark(path.name)) for path in cache_dir().iterdir())
    gone = [path for path, process in marked if process is not None and process.is_gone]
    return _free_local(gone, "of a process that is gone", dry_run)


def _tree(store: Store, path: str, why: str) -> Garbage:
    return Garbage(path, sum(store.files.sizes(path).values()), why)


def _file(entry: Entry, why: str) -> Garbage:
    return Garbage(entry.path, entry.size, why)


def _free(store: Store, remains: list[Garbage]) -> list[Garbage]:
    for one in remains:
        if store.files.is_dir(one.path):
            store.files.delete_tree(one.path)
        else:
            store.files.delete(one.path)
    return remains


def _free_local(paths: list[Path], why: str, dry_run: bool) -> list[Garbage]:
    freed = [Garbage(str(path), size_of(path), why) for path in paths]
    for path in paths if not dry_run else ():
        shutil.rmtree(path, ignore_errors=True)
    return freed
