"""The task files of a sweep: which they are, what they say, and where the rows of their tasks lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeps.spec.fields import SweepSpec
from sweeps.spec.intermediate import in_languages
from sweeps.spec.training import TextSpec
from trainables.outside.places import local_path
from trainables.outside.text import Unreadable, shown
from trainables.tasks import get_task
from trainables.tasks.files.reading import WrongTaskFile, read_task_file, task_files
from trainables.tasks.sources.folder.user_rows import rows_folder
from trainables.tasks.task import HUB

BESIDE = "tasks"
"""The folder beside a sweep file whose task files are read where the sweep names none."""


def read_task_files(given: Any, field: str, beside: Path) -> dict[str, dict[str, Any]]:
    """What the task files of a sweep say, by their absolute paths.

    Args:
        given: the sweep's `tasks`: paths of task files and of folders of them, relative to the sweep file; None: the
            folder `tasks` beside it, if there is one.
        field: what errors call it.
        beside: the folder that relative paths begin in: that of the sweep file.

    Raises:
        WrongTaskFile: one is not there, or cannot be used.
    """
    beside = beside.absolute()
    if given is None:
        places = {"": BESIDE} if (beside / BESIDE).is_dir() else {}
    else:
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise WrongTaskFile([f"{field}: is {shown(given)}; give a list of task files, or of folders of them"])
        places = {f"{field}[{i}]: ": name for i, name in enumerate(names)}
    said: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for where, name in places.items():
        try:
            found = task_files(local_path(name if name.startswith("~") else str(beside / name)).resolve())
        except (WrongTaskFile, Unreadable) as error:
            problems.append(f"{where}{error}")
            continue
        for one in found:
            try:
                said[str(one)] = read_task_file(one)
            except WrongTaskFile as error:
                problems += error.lines
    if problems:
        raise WrongTaskFile(problems)
    return said


def placed(spec: SweepSpec) -> SweepSpec:
    """The sweep with the place of each task that a file describes and that it reads: its file says where its rows lie,
    unless the sweep does of this very task, or its data folder has rows of one's own for it."""
    data, everywhere = dict(spec.data), spec.data.get("all", HUB)
    for name in dict.fromkeys(get_task(name).base.name for name in _named(spec)):
        place = get_task(name).place
        own = everywhere != HUB and rows_folder(Path(everywhere).expanduser(), name).is_dir()
        if place and name not in data and not own:
            data[name] = place
    return spec if data == spec.data else spec.model_copy(update={"data": data})


def _named(spec: SweepSpec) -> Iterator[str]:
    for target in spec.targets:
        yield from (target.task, *target.trained_on)
    texts: list[TextSpec | None] = [one.text for one in spec.intermediates]
    for model in spec.models.values():
        texts += [model.tokenizer, *model.pretrain]
    for text in filter(None, texts):
        yield from (*text.corpora, *text.exclude)
    for intermediate in spec.intermediates:
        for name in () if intermediate.is_none else intermediate.tasks:
            yield in_languages(name)[0]
