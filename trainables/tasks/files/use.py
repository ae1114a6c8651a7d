"""Making the tasks of a sweep's files known in this process: the driver's, or that of a worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.tasks.files.making import task_of
from trainables.tasks.files.reading import WrongTaskFile, fields_of
from trainables.tasks.registry import use_tasks


def use_task_files(files: Mapping[str, Mapping[str, Any]]) -> None:
    """Make known the tasks of a sweep's files, and of no other sweep's.

    Args:
        files: what each says, by its absolute path; the file itself is not read.

    Raises:
        WrongTaskFile: one of them cannot be used, or two do not go together.
    """
    problems: list[str] = []
    tasks = []
    for file, said in files.items():
        try:
            tasks.append((file, task_of(fields_of(said, file), Path(file).parent)))
        except WrongTaskFile as error:
            problems += error.lines
    if problems := problems + use_tasks(tasks):
        raise WrongTaskFile(problems)
