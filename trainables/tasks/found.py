"""Files of a data folder that hold the rows of a task, and what to say where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from trainables.tasks.sources import DataError, Row
from trainables.tasks.task import Split, Task


@dataclass(frozen=True)
class Found:
    """Files that hold rows, in the order in which they are read, and how to read them."""

    files: tuple[Path, ...]
    read: Callable[[], Iterable[Row]]
    note: str = ""


def need(task: Task, split: Split, language: str, *choices: Path) -> Path:
    """The first of the files that is there."""
    for choice in choices:
        if choice.is_file():
            return choice
    places = " or ".join(str(choice) for choice in choices)
    raise DataError(
        f'{task.name}: no {split} rows in "{language}": there is no {places}; put the file there, or '
        "leave this task or language out"
    )


def held_out_note(split: Split, groups: str) -> str:
    return f"the {groups} held out for dev" if split == "dev" else f"but for the {groups} held out for dev"
