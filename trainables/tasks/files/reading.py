"""Reading task files: what is wrong with one is a line that names the file, the field, what was found, and the mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainables.failure import NonRetryable
from trainables.outside.fields import explained
from trainables.outside.text import Unreadable, bounded, shown
from trainables.outside.yaml import read_yaml
from trainables.tasks.files.checks import problems_of
from trainables.tasks.files.fields import TaskFields

ENDS = (".yaml", ".yml")
MOST = 500
"""Task files of a folder, at most."""


class WrongTaskFile(NonRetryable, ValueError):
    """Task files that cannot be used; `lines` say where and what to do."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = [bounded(line) for line in lines]
        super().__init__("\n".join(self.lines))


def task_files(place: Path) -> tuple[Path, ...]:
    """The task file at `place`, or all of a folder, in the order of their names. Raises WrongTaskFile."""
    try:
        if place.is_dir():
            files = sorted(file for file in place.iterdir() if file.suffix in ENDS and file.is_file())
            if not files:
                raise WrongTaskFile([f"{place}: there is no task file in this folder; their names end in .yaml"])
            if len(files) > MOST:
                raise WrongTaskFile([f"{place}: has {len(files)} YAML files; is it the right folder?"])
            return tuple(files)
        if place.is_file():
            return (place,)
    except OSError as error:
        raise WrongTaskFile([f"{shown(str(place))[1:-1]}: cannot be looked at ({error.strerror})"]) from None
    raise WrongTaskFile([f"{place}: there is no such task file or folder"])


def read_task_file(file: Path) -> dict[str, Any]:
    """What a task file says, as a mapping of fields that `fields_of` takes. Raises WrongTaskFile."""
    try:
        said = read_yaml(file)
    except Unreadable as error:
        raise WrongTaskFile([str(error)]) from None
    if not isinstance(said, dict):
        raise WrongTaskFile([f"{file}: is {shown(said)}; a task file is a mapping of fields (name, type, rows, ...)"])
    fields_of(said, str(file))
    return said


def fields_of(said: Mapping[str, Any], file: str) -> TaskFields:
    """The fields of a task, checked. Raises WrongTaskFile, whose lines begin with `file`."""
    if wrong := [key for key in said if not isinstance(key, str)]:
        raise WrongTaskFile([f"{file}: {shown(wrong[0])}: field names must be words"])
    try:
        fields = TaskFields(**said)
    except ValidationError as error:
        lines = explained(error, TaskFields)
        if not isinstance(said.get("rows"), list):  # one place, which is no list in the file
            lines = [line.replace("rows[0]", "rows", 1) for line in lines]
        raise WrongTaskFile(f"{file}: {line}" for line in lines) from None
    if problems := problems_of(fields):
        raise WrongTaskFile(f"{file}: {line}" for line in problems)
    return fields
