"""The store itself: steps that are done, states of those that are not, and notes on those that failed."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.store.address import open_files
from trainables.store.copies import Copy, use
from trainables.store.files import PARTIAL, Files, StoreError, disk_full, no_room
from trainables.store.leases import LeaseLost, lease_of
from trainables.store.local import cache_dir, scratch_dir
from trainables.store.process import Process
from trainables.store.sealed_json import Damaged, compare, seal, unseal

MODEL = "model"
"""Directory of a training step's backbone and tokenizer, as transformers writes them (a tokenizer step: tokenizer)."""
HEAD = "head.safetensors"
METRICS = "metrics.json"
PREDICTIONS = "predictions"
RECORD = "record.json"
STATE = "state.json"
STEPS, STATES, FAILURES = "steps", "states", "failures"
PROBE = ".probe-"

log = logging.getLogger(__name__)


class Store:
    """Steps under `uri`. Creating one touches nothing; `check_writable` does.

    Args:
        owner: `Leases.owner` of the driver that this process works for. Then whatever changes a step looks first
            whether the step's lease is still that driver's, and raises LeaseLost where it is not.
        files: stands between the store and what carries out its operations.
    """

    def __init__(
        self, uri: str, owner: str | None = None, files: Callable[[Files], Files] = lambda plain: plain
    ) -> None:
        plain, self.root = open_files(uri)
        self.files, self.owner = files(plain), owner
        self.local = self.files.local
        self.uri = self.root if self.local else uri.rstrip("/")
        """The same wherever it is read: an absolute path, or the URI."""
        self._sound: dict[str, Path] = {}
        self._copies: dict[Path, Copy] = {}

    # --- what is done ----------------------------------------------------------------------------------------

    def done(self, step: str) -> bool:
        """Whether the record of `step` is in place. Whether all is as it says is another question: `check`."""
        return self.files.is_file(self.at(STEPS, step, RECORD))

    def check(self, step: str) -> str | None:
        """What is wrong with a done step, in one line: its record, or a file that the record lists; None: nothing.

        It takes one small file and one listing: cheap enough for all steps of a plan before each run.
        """
        path = self.at(STEPS, step)
        try:
            compare(self.record(step)["files"], self.files.sizes(path), path)
        except (StoreError, Damaged) as error:
            return str(error)
        return None

    def record(self, step: str) -> dict[str, Any]:
        """The record of a done step. Raises StoreError when there is none or it cannot be read."""
        try:
            return unseal(self._read(step, RECORD), self.at(STEPS, step, RECORD), {"files": dict})
        except Damaged as error:
            raise StoreError(f"{error}; delete it and run again") from None

    def read_json(self, step: str, name: str) -> Any:
        """The JSON file `name` among what `step` made."""
        try:
            return json.loads(self._read(step, name))
        except (ValueError, RecursionError) as error:
            path = self.at(STEPS, step, name)
            raise StoreError(f"{path}: not readable as JSON ({error}); delete it and run again") from None

    def path(self, step: str) -> Path:
        """A local directory with all that a done step made (downloaded once when the store is remote).

        Raises StoreError where the step is not done or damaged.
        """
        if step not in self._sound or (self.local and not self.done(step)):
            self._sound[step] = self._found(step) if self.local else self._copy(step)
        return self._sound[step]

    def _found(self, step: str) -> Path:
        if not self.done(step):
            raise self._not_done(step)
        problem = self.check(step)
        if problem is not None:
            raise StoreError(f"{problem}; run again, and the step {step} is carried out anew")
        return Path(self.at(STEPS, step))

    def _copy(self, step: str) -> Path:
        path = self.at(STEPS, step)
        try:
            data = self.files.read(f"{path}/{RECORD}")
        except FileNotFoundError:
            raise self._not_done(step) from None
        try:
            return self._copied(step, data, path, unseal(data, f"{path}/{RECORD}", {"files": dict})["files"])
        except Damaged as error:
            raise StoreError(f"{error}; run again, and the step {step} is carried out anew") from None

    def _copied(self, name: str, listing: bytes, path: str, files: dict[str, int], below: str = "") -> Path:
        """This machine's copy of `files` of a directory, which `listing` (a record, a note) lists."""

        def fetch(directory: Path) -> None:
            compare(files, self.files.sizes(path), path)
            self.files.download(path, files, directory / below)

        copy = use(f"{name}-{hashlib.sha256(listing).hexdigest()[:8]}", sum(files.values()), fetch)
        self._copies[copy.path] = copy
        return copy.path

    def _not_done(self, step: str) -> StoreError:
        return StoreError(f"{self.at(STEPS, step)}: not done; run the step {step} first")

    # --- doing -----------------------------------------------------------------------------------------------

    def begin(self, step: str) -> Path:
        """Clear what an earlier attempt left and give an empty local directory for what the step makes.

        A training state that is whole stays; what is left of others goes.
        """
        self.reject(step)
        self.files.delete_tree(self.at(STEPS, step))
        note, problem = self._look_at_state(step)
        if problem is not None:
            log.warning("%s; the step %s starts anew", problem, step)
            self.files.delete_tree(self.at(STATES, step))
        else:
            self._drop_states(step, note["name"] if note else None)
        if self.local:
            self.files.make_dir(self.at(STEPS, step))
            return Path(self.at(STEPS, step))
        return scratch_dir(step)

    def commit(self, step: str, workdir: Path, record: dict[str, Any]) -> None:
        """Put all of `made` into the store, then rename the record into place; the step is done from then on."""
        self._guard(step)
        path = self.at(STEPS, step)
        files = _sizes(workdir)
        files.pop(RECORD + PARTIAL, None)  # an attempt to commit that failed
        if self.local:
            self.files.sync(path)
        else:
            self._upload(workdir, path, files)
        self._guard(step)
        self.files.replace(f"{path}/{RECORD}", seal({**record, "step": step, "files": files}))
        self.files.delete_tree(self.at(STATES, step))
        self.files.delete(self._failure(step))

    def reject(self, step: str) -> None:
        """Take a step for not done from now on, whatever there is of it."""
        self._guard(step)
        self._sound.pop(step, None)
        self.files.delete(self.at(STEPS, step, RECORD))

    # --- weights ---------------------------------------------------------------------------------------------

    def drop_weights(self, step: str) -> int:
        """Delete the weights of a done step, which stays done; bytes that became free. Its record says so first."""
        record, path = self.record(step), self.at(STEPS, step)
        gone = {name: size for name, size in record["files"].items() if name.split("/")[0] in (MODEL, HEAD)}
        kept = {name: size for name, size in record["files"].items() if name not in gone}
        if gone:
            drop_weights = {**record.get("let_go", {}), **gone}
            self.files.replace(f"{path}/{RECORD}", seal({**record, "files": kept, "let_go": drop_weights}))
        self.files.delete_tree(f"{path}/{MODEL}")
        self.files.delete(f"{path}/{HEAD}")
        return sum(gone.values())

    def weights_dropped(self, step: str) -> bool:
        """Whether the weights of a done step were dropped."""
        return bool(self.record(step).get("let_go"))

    # --- training state --------------------------------------------------------------------------------------

    def paused(self, step: str) -> bool:
        """Whether there is a training state to resume `step` from."""
        return self.state_name(step) is not None

    def state_name(self, step: str) -> str | None:
        """Name of the training state to resume `step` from; None where there is none."""
        note = self.state_note(step)
        return None if note is None else str(note["name"])

    def check_state(self, step: str) -> str | None:
        """What is wrong with the training state of `step`, in one line; None when nothing is, or there is none."""
        return self._look_at_state(step)[1]

    def _look_at_state(self, step: str) -> tuple[dict[str, Any] | None, str | None]:
        """The note of a training state that is whole, and what is wrong with one that is not; neither where there is
        none."""
        path = self.at(STATES, step)
        try:
            note = unseal(self.files.read(f"{path}/{STATE}"), f"{path}/{STATE}", {"name": str})
            compare(note.get("files", {}), self.files.sizes(f"{path}/{note['name']}"), f"{path}/{note['name']}")
        except FileNotFoundError:
            return None, None
        except Damaged as error:
            return None, str(error)
        return note, None

    def load_state(self, step: str) -> tuple[dict[str, Any], Path] | None:
        """The note and a local directory of the training state to resume `step` from; None where there is none that
        is whole. Give the directory to `free` when it has been read."""
        note, _ = self._look_at_state(step)
        if note is None:
            return None
        path = self.at(STATES, step)
        if self.local:
            return note, Path(path)
        name = str(note["name"])
        return note, self._copied(f"{step}-state", seal(note), f"{path}/{name}", note.get("files", {}), name)

    def state_scratch(self, step: str) -> Path:
        """A local directory in which this worker writes its part of the next training state of `step`."""
        if not self.local:
            return scratch_dir(step)
        self.files.make_dir(self.at(STATES, step))
        return Path(self.at(STATES, step))

    def upload_state(self, step: str, scratch: Path, name: str) -> None:
        """Upload one worker's part of the state; nothing to do where the store is local."""
        if not self.local:
            self._upload(scratch / name, self.at(STATES, step, name), _sizes(scratch / name))
            self.free(scratch)

    def complete_state(self, step: str, name: str, note: dict[str, Any]) -> None:
        """Make `name` the state to resume from, and drop older ones. Called once, after every worker wrote."""
        self._guard(step)
        path = self.at(STATES, step, name)
        self.files.sync(path)
        self.files.replace(self.at(STATES, step, STATE), seal({**note, "name": name, "files": self.files.sizes(path)}))
        self._drop_states(step, name)

    def state_note(self, step: str) -> dict[str, Any] | None:
        """What is noted beside the training state to resume `step` from; None where there is none."""
        path = self.at(STATES, step, STATE)
        try:
            return unseal(self.files.read(path), path, {"name": str})
        except (FileNotFoundError, Damaged):
            return None

    def _drop_states(self, step: str, kept: str | None) -> None:
        path = self.at(STATES, step)
        # An object store has no directories: what is there is told from the files, in one listing.
        found = [entry for entry in self.files.list(path, deep=not self.local) if entry.is_file != self.local]
        names = {entry.path[len(path) + 1 :].partition("/")[0] for entry in found}
        for name in sorted(names - {kept, STATE, STATE + PARTIAL}):
            self.files.delete_tree(f"{path}/{name}")

    # --- failures --------------------------------------------------------------------------------------------

    def note_failure(self, step: str, text: str, attempts: int) -> None:
        """Keep why a step failed, for `xstilts status`; its being done takes the note away."""
        self.files.replace(self._failure(step), seal({"step": step, "text": text, "attempts": attempts}))

    def failure(self, step: str) -> dict[str, Any] | None:
        """`text` and `attempts` of a step that failed the last time; None where it did not."""
        path = self._failure(step)
        try:
            return unseal(self.files.read(path), path, {"text": str, "attempts": int})
        except (FileNotFoundError, Damaged):
            return None

    def _failure(self, step: str) -> str:
        return self.at(FAILURES, f"{step}.json")

    # --- the rest --------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Write, read and delete a small file. Raises StoreError with the path and the reason."""
        probe = self.at(PROBE + Process.this().mark)
        try:
            self.files.write(probe, b"probe")
            assert self.files.read(probe) == b"probe"
            self.files.delete(probe)
        except (OSError, AssertionError) as error:
            raise StoreError(f"{self.uri} cannot be written ({error})") from None

    def locate(self, step: str, *parts: str) -> str:
        """Where `step` keeps something, as a path or URI for people and other programs."""
        return "/".join((self.uri.partition("?")[0].rstrip("/"), STEPS, step, *parts))

    def folder_beside(self, name: str) -> Path:
        """A folder for files that grow: in the store where that is a local path, else in the cache of this machine,
        because no object store can append to a file."""
        if self.local:
            return Path(self.root) / name
        return cache_dir() / name / hashlib.sha256(self.uri.encode()).hexdigest()[:12]

    def at(self, *parts: str) -> str:
        """A path of the store as its file system writes it."""
        return "/".join((self.root, *parts))

    @contextmanager
    def room(self, step: str) -> Iterator[None]:
        """Say in one line that the disk is full, whichever library finds out while the block makes `step`."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            path = self.at(STEPS, step) if self.local else str(cache_dir() / step)
            if not disk_full(error, path):
                raise
            raise no_room(path) from error

    def free(self, directory: Path) -> None:
        """Delete a local copy that this store gave, unless others use it; nothing where the store is local and it is
        the thing itself."""
        if (copy := self._copies.pop(directory, None)) is not None:
            copy.drop()
        elif not self.local:
            shutil.rmtree(directory, ignore_errors=True)

    def _upload(self, directory: Path, path: str, files: dict[str, int]) -> None:
        self.files.upload(directory, path)
        try:
            compare(files, self.files.sizes(path), path)
        except Damaged as error:
            raise StoreError(f"{error}: the upload was cut off; run again") from None

    def _guard(self, step: str) -> None:
        if self.owner is None:
            return
        lease = lease_of(self.files, self.root, step)
        if lease is None or lease.owner != self.owner:
            now = "nobody's" if lease is None else f"that of {lease.owner}"
            raise LeaseLost(f"{step}: its lease is {now}, no longer that of {self.owner}; left to whoever holds it")

    def _read(self, step: str, name: str) -> bytes:
        try:
            return self.files.read(self.at(STEPS, step, name))
        except FileNotFoundError:
            raise StoreError(f"{self.at(STEPS, step, name)}: not in the store; run the step {step} first") from None


def _sizes(directory: Path) -> dict[str, int]:
    """The files below a local directory: relative path -> bytes."""
    return {str(p.relative_to(directory)): p.stat().st_size for p in sorted(directory.rglob("*")) if p.is_file()}
