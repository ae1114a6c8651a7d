"""Reading a sweep file: overrides, and every check that can be made before anything is started.

`read_spec` gives a `SweepSpec` or raises `WrongSpec`, whose lines each name the file, the field and the mend.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeps.spec.checks import check, check_data
from sweeps.spec.fields import SweepSpec
from sweeps.spec.perturbations import ways_of
from sweeps.spec.places import check_places, check_secrets
from sweeps.spec.studies import UnknownStudy, sweep_file
from sweeps.spec.task_files import placed, read_task_files
from trainables.outside.fields import explained
from trainables.outside.text import Unreadable, bounded, shown
from trainables.outside.yaml import parse_yaml, read_yaml
from trainables.plugins import PluginError, load_plugins
from trainables.tasks.files.reading import WrongTaskFile
from trainables.tasks.files.use import use_task_files
from trainables.tasks.registry import use_ways

LINES = 20
"""Lines about one file, at most: who mends the first of them mends most of the others."""


class WrongSpec(ValueError):
    """The sweep file cannot be used; `lines` say where and what to do."""

    def __init__(self, lines: list[str]) -> None:
        more = [f"and {len(lines) - LINES} more such lines"] if len(lines) > LINES else []
        self.lines = [bounded(line) for line in lines[:LINES]] + more
        super().__init__("\n".join(self.lines))


def read_spec(
    file: Path, overrides: list[str] | None = None, data_here: bool = True, checked: bool = True
) -> SweepSpec:
    """Read, override and check a sweep file.

    Args:
        file: its path, or the name of a study that comes with the project.
        overrides: `key.key=value`, the value as YAML.
        data_here: the folders of data that it names must be there.
        checked: as far as models and languages can be; else the fields alone are, which need none of its files but
            those of its tasks.

    Raises:
        WrongSpec: it cannot be used.
    """
    fields = read_fields(file, overrides)
    _load_plugins(fields, file)
    try:
        fields["tasks"] = read_task_files(fields.get("tasks"), f"{file}: tasks", sweep_file(file).parent)
        use_task_files(fields["tasks"])
    except WrongTaskFile as error:
        raise WrongSpec(error.lines) from None
    try:
        spec = SweepSpec(**fields)
    except ValidationError as error:
        raise WrongSpec([f"{file}: {line}" for line in explained(error, SweepSpec)]) from None
    use_ways(ways_of(spec.likelihood, spec.perturbations))
    problems = check_secrets(spec)
    if not problems:
        problems = (check(spec) if checked else check_places(spec)) + (check_data(spec) if data_here else [])
    if problems:
        raise WrongSpec([f"{file}: {problem}" for problem in problems])
    return placed(spec)


def read_fields(file: Path, overrides: list[str] | None = None) -> dict[str, Any]:
    """What a sweep file says, overridden, and not checked further. Raises WrongSpec."""
    try:
        fields = read_yaml(sweep_file(file))
    except (UnknownStudy, Unreadable) as error:
        raise WrongSpec([str(error)]) from None
    except OSError as error:  # a name that no file can have
        raise WrongSpec([f"{shown(str(file))}: cannot be read ({error.strerror})"]) from None
    if not isinstance(fields, dict):
        found = f"found {shown(fields)}; " if fields is not None else "it is empty; "
        raise WrongSpec([f"{file}: {found}expected a mapping of fields (sweep, models, intermediates, ...)"])
    if wrong := [key for key in fields if not isinstance(key, str)]:
        raise WrongSpec([f"{file}: {shown(wrong[0])}: field names must be words"])
    for override in overrides or []:
        _override(fields, override)
    return fields


def _load_plugins(fields: dict[str, Any], file: Path) -> None:
    """Import the plug-ins before the other fields are read, which may name what they add."""
    names = fields.get("plugins")
    for i, name in enumerate(names if isinstance(names, list) else ()):
        try:
            load_plugins([name] if isinstance(name, str) else [])
        except PluginError as error:
            raise WrongSpec([f"{file}: plugins[{i}]: {error}"]) from None


def _override(fields: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    name = f"-o {shown(key)[1:-1]}"
    if not equals or not key:
        raise WrongSpec([f"-o {shown(override)[1:-1]}: write it as -o field=value"])
    try:
        value = parse_yaml(text, name)
    except Unreadable as error:
        raise WrongSpec([str(error)]) from None
    *path, last = key.split(".")
    for part in path:
        inner = fields.get(part)
        if inner is None:
            inner = fields[part] = {}
        if not isinstance(inner, dict):
            raise WrongSpec([f"{name}: {shown(part)[1:-1]} is no mapping, so it has no field {shown(last)[1:-1]}"])
        fields = inner
    fields[last] = value
