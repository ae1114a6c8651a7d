"""Tasks of this project that are described as a user describes one, in YAML: a file for each, `NAME.yaml`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from trainables.tasks.files.making import task_of
from trainables.tasks.files.reading import fields_of, read_task_file
from trainables.tasks.registry import add_unread
from trainables.tasks.task import Task

FOLDER = Path(__file__).parent


def _read(file: Path) -> Task:
    return task_of(fields_of(read_task_file(file), str(file)), None)


add_unread({file.stem: partial(_read, file) for file in sorted(FOLDER.glob("*.yaml"))})
