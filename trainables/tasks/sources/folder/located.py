"""Files of a data folder that hold the rows of a task, and what to say where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trainables.tasks.sources import DataError, Row
from trainables.tasks.task import Split, Task


@dataclass(frozen=True)
class Located:
    """Files that hold rows, in the order in which they are read, and how to read them.

    Attributes:
        note: what a person should know of the rows before comparing scores.
        stands_in_for: of a dev set that is read as the test set: the test set, whose labels are not there, or `ABSENT`.
        own: whether a user wrote them, with the columns of the task's type.
    """

    files: tuple[Path, ...]
    read: Callable[[], Iterable[Row]]
    note: str = ""
    stands_in_for: Located | None = None
    own: bool = False


ABSENT = Located((), tuple)
"""There are no files."""


class NoFile(DataError):
    """None of the files is there in which rows are looked for; `places`: where, in the data folder and with it."""

    def __init__(self, message: str, places: Iterable[Path]) -> None:
        super().__init__(message)
        self.places = tuple(places)


Finder = Callable[[Path, Task, Split, str], Located]
"""Where the rows of a task lie: folder, task, split, language -> found. Raises DataError where they do not."""


def require_file(task: Task, split: Split, language: str, *choices: Path) -> Path:
    """The first of the files that is there."""
    for choice in choices:
        if choice.is_file():
            return choice
    places = " or ".join(str(choice) for choice in choices)
    raise NoFile(
        f'{task.name}: no {split} rows in "{language}": there is no {places}; put the file there, or '
        "leave this task or language out",
        choices,
    )


def held_out_note(split: Split, groups: str) -> str:
    return f"the {groups} held out for dev" if split == "dev" else f"but for the {groups} held out for dev"


def labelled_or_dev(
    task: Task,
    language: str,
    tests: list[Path],
    devs: list[Path],
    labelled: Callable[[Path], bool],
    read: Callable[[Path], Iterable[Row]],
) -> Located:
    """The file to evaluate on: a labelled test set, else a dev set, else a test set without labels."""
    there = [choice for choice in (*tests, *devs) if choice.is_file()]
    file = next(filter(labelled, there), None) or require_file(task, "test", language, *tests, *devs)
    if file in tests:
        return Located((file,), partial(read, file))
    test_sets = [Located((test,), partial(read, test)) for test in tests if test in there]
    note = "dev set: there are no labelled test files"
    if language == task.train_language:
        note += "; the same rows pick the checkpoint"
    return Located((file,), partial(read, file), note, stands_in_for=test_sets[0] if test_sets else ABSENT)
