"""The store's files on an object store: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

All of them by `obstore` (Rust's object_store), one interface for the three. A file is whole once its request is
answered, and no request renames anything. Exclusive creation is a conditional write: `If-None-Match: *` (S3, Azure),
`x-goog-if-generation-match: 0` (Google).

What fails for a reason that may pass (throttling, an error of the server, a connection that is refused or lost) is
tried again, at times that grow and are drawn at random, for `PATIENCE` seconds. Every operation can be done twice, so
an answer that was lost costs nothing; of a conditional write, whose second try finds the file of the first, the content
tells.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trainables.store.files import Entry, Files, StoreError, disk_full, no_room
from trainables.store.process import Process

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PATIENCE = 90.0
"""Seconds after which a request that fails for a passing reason is not begun again."""
PART = 32 * 2**20
"""Bytes of a file that one request takes up; longer ones go in parts of so many, and two requests more."""
AT_ONCE = 8
"""Requests for files of one directory at a time."""
TRANSFER = {
    "timeout": timedelta(hours=2),
    "read_timeout": timedelta(seconds=60),
    "connect_timeout": timedelta(seconds=5),
}
"""A long file may take its time, but something has to come."""
RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
"""Inside obstore, within a second or two: it alone can go on in the middle of a file."""
HURRY = {"timeout": timedelta(seconds=5), "connect_timeout": timedelta(seconds=2)}
_STATUS = re.compile(r"status code: (\d{3})([^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "specified bucket does not exist")

T = TypeVar("T")
Opener = Callable[[dict[str, Any], dict[str, Any]], "ObjectStore"]
"""Makes the client, given obstore's options for HTTP and for retries; asks the network nothing."""


class ObjectFiles(Files):
    """The operations on one bucket.

    Args:
        opener: makes the client, whose paths begin at `root`.
        root: the address, for messages and as the beginning of all paths.
        credentials: where they come from, for messages.
    """

    def __init__(self, opener: Opener, root: str, credentials: str) -> None:
        self._opener, self._root, self._credentials = opener, root, credentials
        self._store = opener(TRANSFER, RETRIES)

    def reachable(self, root: str) -> None:
        import obstore

        hurried = self._opener(HURRY, {"max_retries": 0})
        try:
            obstore.get(hurried, "record.json")
        except Exception as error:  # that there is no such file is the best of answers
            status = _status(error) or 0
            if not _is_missing(error) and (_of_credentials(error) or (status < 500 and status != 429)):
                raise self._refused(root, error, "used") from None

    def exclusive(self, root: str) -> bool:
        """Tried: servers that do not know of conditional writes overwrite, or refuse."""
        probe = f"{root}/.probe-{Process.this().mark}-{random.randrange(2**32):08x}"
        try:
            return self.create(probe, b"one") and not self.create(probe, b"two")
        except StoreError:
            self.write(probe, b"")  # it is the condition that was refused, or this says what is wrong
            return False
        finally:
            self.delete(probe)

    # --- looking ---------------------------------------------------------------------------------------------

    def is_file(self, path: str) -> bool:
        import obstore

        try:
            self._tried(path, "read", lambda: obstore.head(self._store, self._key(path)))
        except FileNotFoundError:
            return False
        return True

    def is_dir(self, path: str) -> bool:
        return bool(self.list(path, deep=True))  # a server may show directories that are empty by now

    def read(self, path: str) -> bytes:
        import obstore

        return self._tried(path, "read", lambda: bytes(obstore.get(self._store, self._key(path)).bytes()))

    def list(self, path: str, deep: bool = False) -> list[Entry]:
        import obstore

        key = self._key(path)
        if deep:
            found = self._tried(path, "listed", lambda: obstore.list(self._store, key, chunk_size=1000).collect())
            folders: Iterable[str] = ()
        else:
            both = self._tried(path, "listed", lambda: obstore.list_with_delimiter(self._store, key))
            found, folders = both["objects"], both["common_prefixes"]
        entries = [Entry(f"{self._root}/{one['path']}", True, one["size"]) for one in found]
        entries += [Entry(f"{self._root}/{name}", False, 0) for name in folders]
        return sorted(entries, key=lambda entry: entry.path)

    def download(self, path: str, names: dict[str, int], directory: Path) -> None:
        """Raises StoreError also where the local disk is full."""
        self._each(lambda name: self._fetch(f"{path}/{name}", names[name], directory / name), names)

    def _fetch(self, path: str, size: int, target: Path) -> None:
        import obstore

        def fetch() -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in obstore.get(self._store, self._key(path)).stream(min_chunk_size=2**23):
                    file.write(chunk)
            if target.stat().st_size != size:
                raise ConnectionError(f"{target.stat().st_size} bytes came, and not {size}")

        self._tried(path, "read", fetch, str(target))

    # --- changing --------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
        import obstore

        self._tried(path, "written", lambda: obstore.put(self._store, self._key(path), data, use_multipart=False))

    def replace(self, path: str, data: bytes) -> None:
        self.write(path, data)

    def create(self, path: str, data: bytes) -> bool:
        return self._create(path, data) or self._holds(path, data)

    def _create(self, path: str, data: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        def create() -> bool:
            try:
                obstore.put(self._store, self._key(path), data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

        return self._tried(path, "written", create)

    def _holds(self, path: str, data: bytes) -> bool:
        """Whether a try whose answer was lost has made the file after all."""
        try:
            return self.read(path) == data
        except FileNotFoundError:
            return False

    def make_dir(self, path: str) -> None:
        """Nothing: there are none."""

    def delete(self, path: str) -> None:
        self._delete(path, [path])

    def delete_tree(self, path: str) -> None:
        if found := self.list(path, deep=True):
            self._delete(path, [entry.path for entry in found])

    def _delete(self, path: str, paths: Sequence[str]) -> None:
        """As few requests as the store allows: of S3 one for a thousand."""
        import obstore

        keys = [self._key(one) for one in paths]
        try:
            self._tried(path, "deleted", lambda: obstore.delete(self._store, keys))
        except FileNotFoundError:  # Google and Azure say so of one; the rest may still be there
            if len(paths) > 1:
                self._each(lambda one: self._delete(one, [one]), paths)

    def upload(self, directory: Path, path: str) -> None:
        names = [str(file.relative_to(directory)) for file in sorted(directory.rglob("*")) if file.is_file()]
        self._each(lambda name: self._send(directory / name, f"{path}/{name}"), names)

    def _send(self, source: Path, path: str) -> None:
        import obstore

        whole = source.stat().st_size <= PART
        self._tried(
            path,
            "written",
            lambda: obstore.put(
                self._store,
                self._key(path),
                source,
                use_multipart=not whole,
                chunk_size=PART,
                max_concurrency=4,
            ),
        )

    def sync(self, path: str) -> None:
        """Nothing: what was answered is safe."""

    # --- how -------------------------------------------------------------------------------------------------

    def _key(self, path: str) -> str:
        return path.removeprefix(self._root).strip("/")

    def _each(self, do: Callable[[str], None], names: Iterable[str]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(do, names):
                pass

    def _tried(self, path: str, what: str, do: Callable[[], T], local: str | None = None) -> T:
        """`do`, again and again while it fails for a reason that may pass. FileNotFoundError is an answer."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                return do()
            except Exception as error:  # obstore's have no base but this, and do not end in OSError
                if local is not None and disk_full(error, local):
                    raise no_room(local) from None
                if _is_missing(error):
                    raise FileNotFoundError(f"{path}: not there") from None
                if not _may_pass(error) or time.monotonic() - began > PATIENCE:
                    raise self._refused(path, error, what) from None
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, 15.0)

    def _refused(self, path: str, error: Exception, what: str) -> StoreError:
        status, text = _status(error), str(error)
        code = _CODE.search(text)
        if any(word in text for word in _NO_BUCKET):
            return StoreError(f"{path}: cannot be {what} (there is no such bucket); make it, or give another")
        if _of_credentials(error):
            reason, mend = "there are no credentials", f"set {self._credentials}"
        elif status is not None:
            said = _STATUS.search(text)
            reason = f"the server says {status}{said[2].rstrip() if said else ''}" + (f", {code[1]}" if code else "")
            mend = f"check {self._credentials}" if status in (400, 401, 403) else "run again when it is mended"
        else:
            words = text.partition("\n")[0].rpartition(" - ")[2].removeprefix("HTTP error: ")
            reason = f"no answer: {words[:80]}"
            mend = "is the address right, and is there a way to it from here?"
        return StoreError(f"{path}: cannot be {what} ({reason}); {mend}")


def _status(error: BaseException) -> int | None:
    """The status with which a server has answered, where it has."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def _of_credentials(error: BaseException) -> bool:
    """Whether it is the machine's own service for credentials that does not answer: there is no role to go by."""
    return any(
        part in str(error)
        for part in ("/latest/api/token", "/latest/meta-data", "/computeMetadata/", "/metadata/identity")
    )


def _is_missing(error: BaseException) -> bool:
    return isinstance(error, FileNotFoundError) and not any(word in str(error) for word in _NO_BUCKET)


def _may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    from obstore import exceptions

    final: tuple[Any, ...] = (
        exceptions.PermissionDeniedError,
        exceptions.UnauthenticatedError,
        exceptions.NotSupportedError,
        exceptions.InvalidPathError,
    )
    if isinstance(error, final) or not isinstance(error, exceptions.BaseError | ConnectionError):
        return False
    status = _status(error)
    if status is None:
        return isinstance(error, ConnectionError) or ("HTTP error" in str(error) and not _of_credentials(error))
    return (status >= 500 and status != 501) or status in (408, 429)  # 501: not implemented
