"""Rows from a folder in the layout that XTREME's ``scripts/download_data.sh`` makes.

The record of a task names the function, in the modules beside this one, that says where its rows lie and how they are
read. The public download has its test labels removed; labelled files of the same form, put in their place, are used
where they are there. Data sets that are not part of XTREME lie in a folder of their name, as their release has them.

A task may also be given as rows of one's own: ``rows/TASK/SPLIT-LANGUAGE.jsonl`` or ``.parquet`` with the columns of
its task type (``TaskType.columns``). Such a file goes before any other, and is checked before anything runs.
"""

from __future__ import annotations

import hashlib
from collections import deque
from functools import lru_cache
from itertools import islice
from pathlib import Path

from trainables.tasks.registry import get_task
from trainables.tasks.sources import DataError, Row, require_split
from trainables.tasks.sources.file_forms import unreadable
from trainables.tasks.sources.folder import user_rows
from trainables.tasks.sources.folder.located import Located, NoFile
from trainables.tasks.sources.settled import SettledSource
from trainables.tasks.task import Split, Task

OWN = 4 * 2**20
"""Bytes of a file of one's own that is read whole while a sweep is planned; of a larger one `FIRST` rows are."""
FIRST = 10_000


class FolderSource(SettledSource):
    """Rows from the files under ``path``."""

    def __init__(self, path: str | Path) -> None:
        self._folder = Path(path).expanduser()

    def check(self, task: Task, split: Split, language: str) -> str | None:
        try:
            found = self._find(task, split, language)
            if found.own and _size(found) <= OWN:
                self.settled(task, split, language)
            elif found.own:
                deque(islice(found.read(), FIRST), maxlen=0)
        except DataError as problem:
            return str(problem)
        return None

    def stands_in(self, task: Task, language: str) -> bool:
        return self._find(task, "test", language).stands_in_for is not None

    def describe(self, task: Task, split: Split, language: str) -> str:
        found = self._find(task, split, language)
        names = [file.relative_to(self._folder).as_posix() for file in found.files]
        shown = " + ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} more files"
        return f"{shown} ({found.note})" if found.note else shown

    def revision(self, task: Task, split: Split, language: str) -> str:
        found = self._find(task, split, language)
        digests = [_sha256_of(file) for file in found.files]
        digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        return f"{user_rows.READ_AS if found.own else ''}sha256:{digest}"

    def read(self, task: Task, split: Split, language: str) -> list[Row]:
        found = self._find(task, split, language)
        try:
            return list(found.read())
        except DataError:
            raise
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as problem:
            where = self.describe(task, split, language)
            raise DataError(f"{where}: not in the form of this data set ({problem!r}); fetch it again") from problem

    def size(self, task: Task, split: Split, language: str) -> int | None:
        return _size(self._find(task, split, language))

    def glance(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        found = self._find(task, split, language)
        own = found.own and _size(found) <= OWN
        return self.settled(task, split, language).remarks if own else super().glance(task, split, language)

    def files(self, task: Task, split: Split, language: str) -> tuple[Path, ...]:
        """The files that the rows are read from."""
        return self._find(task, split, language).files

    def _find(self, task: Task, split: Split, language: str) -> Located:
        if not self._folder.is_dir():
            raise DataError(f'there is no data folder "{self._folder}"; give the path of one in the XTREME layout')
        if task.source != "files":
            raise DataError(f"{task.name}: this task is not read from a folder; it is a generated one")
        require_split(task, split, language)
        if split == "submission":
            test_set = self._find(task, "test", language).stands_in_for
            if test_set is None or not test_set.files:
                raise DataError(f'{task.name}: there is no test set without labels in "{language}"')
            return test_set
        if found := user_rows.find(self._folder, task, split, language):
            return found
        if task.folder is not None:
            return task.folder(self._folder, task, split, language)
        if not task.parts:
            raise DataError(
                f"{task.name} cannot be read from a folder; rows of your own go to "
                f"{user_rows.path_of(self._folder, task, split, language)}"
            )
        parts = {name: self._find(get_task(name), split, language) for name in task.parts}

        def read() -> list[Row]:
            return [{**row, "id": f"{name}:{row['id']}"} for name, found in parts.items() for row in found.read()]

        notes = "; ".join(f"{name}: {found.note}" for name, found in parts.items() if found.note)
        own = any(found.own for found in parts.values())
        return Located(tuple(file for found in parts.values() for file in found.files), read, notes, own=own)


def _size(found: Located) -> int:
    return sum(file.stat().st_size for file in found.files)


def files_wanted(task: Task, split: Split, language: str, folder: Path) -> tuple[Path, ...]:
    """Where rows of a task would be looked for in a data folder that is not there, the usual place first."""
    try:
        if task.folder is not None:
            task.folder(folder, task, split, language)
    except NoFile as problem:
        return problem.places
    except DataError:
        pass
    return (user_rows.path_of(folder, task, split, language),)


def _sha256_of(file: Path) -> str:
    status = file.stat()
    return _sha256(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(file: Path, size: int, changed: int) -> str:
    # Size and time are part of the key: a file that changed while the process lives is read again.
    try:
        stream = file.open("rb")
    except OSError as problem:
        raise unreadable(file, problem) from None
    with stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
