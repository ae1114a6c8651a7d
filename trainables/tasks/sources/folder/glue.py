"""GLUE's tasks as its download has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from trainables.tasks.sources import Row
from trainables.tasks.sources.file_forms import read_table
from trainables.tasks.sources.folder.located import ABSENT, Finder, Located, require_file
from trainables.tasks.sources.folder.reading import checked_label
from trainables.tasks.task import Split, Task

DEV_AS_TEST = "GLUE's dev set, which also picks the checkpoint: its test set has no labels"


def dev_for_test(split: Split) -> Split:
    """The split whose file is read: GLUE's test sets have no labels."""
    return "dev" if split == "test" else split


def scored_on_dev(split: Split, file: Path, read: Callable[[], Iterable[Row]]) -> Located:
    """Rows of GLUE; its dev rows stand in for test rows."""
    if split == "test":
        return Located((file,), read, DEV_AS_TEST, stands_in_for=ABSENT)
    return Located((file,), read)


def glue(release: str, **columns: str) -> Finder:
    """Finds the rows of a task of GLUE.

    Args:
        release: its folder in GLUE's download, "SST-2"; one of the task's name does as well.
        columns: of its tables, by column of the task type. Labels are names, or numbers of the task's labels.
    """

    def find(folder: Path, task: Task, split: Split, language: str) -> Located:
        name = f"{dev_for_test(split)}.tsv"
        places = (folder / release / name, folder / "glue" / release / name, folder / task.name / name)
        file = require_file(task, split, language, *places)

        def read() -> list[Row]:
            rows = []
            for number, record in enumerate(read_table(file, (*columns.values(), "label"))):
                row = {ours: record[theirs].strip() for ours, theirs in columns.items()}
                label = numbered_label(record["label"].strip(), task.labels, f"{file}, line {number + 2}")
                rows.append({"id": str(number), **row, "label": label})
            return rows

        return scored_on_dev(split, file, read)

    return find


def numbered_label(label: str, labels: tuple[str, ...], where: str) -> str:
    """The label that a name or a number (0: the first) stands for; DataError where there is none."""
    by_number = dict(zip(map(str, range(len(labels))), labels, strict=True))
    return checked_label(by_number.get(label, label), labels, where)
