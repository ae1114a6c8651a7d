"""Reading a sweep file: overrides, and every check that can be made before anything is started.

`read_spec` gives a `SweepSpec` or raises `WrongSpec`, whose lines each name the file, the field and the mend.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sweeps.spec.checks import check, check_data
from sweeps.spec.fields import (
    AshaSpec,
    CollapseSpec,
    EarlyStopping,
    GeneratedSpec,
    IntermediateSpec,
    MlmSpec,
    ModelSpec,
    PretrainSpec,
    SweepSpec,
    TargetSpec,
    TokenizerSpec,
    Training,
)
from sweeps.spec.studies import UnknownStudy, sweep_file
from trainables.plugins import PluginError, load_plugins
from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import PoolingConfig


class WrongSpec(ValueError):
    """The sweep file cannot be used; `lines` say where and what to do."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def read_spec(file: Path, overrides: list[str] | None = None, data_here: bool = True) -> SweepSpec:
    """Read, override and check a sweep file.

    Args:
        file: its path, or the name of a study that comes with the project.
        overrides: `key.key=value`, the value as YAML.
        data_here: the folders of data that it names must be there.

    Raises:
        WrongSpec: it cannot be used.
    """
    try:
        fields = yaml.safe_load(sweep_file(file).read_text(encoding="utf-8"))
    except UnknownStudy as error:
        raise WrongSpec([str(error)]) from None
    except OSError as error:
        raise WrongSpec([f"{file}: cannot be read ({error.strerror})"]) from None
    except yaml.YAMLError as error:
        raise WrongSpec([f"{file}: not valid YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(fields, dict):
        raise WrongSpec([f"{file}: expected a mapping of fields (sweep, models, intermediates, ...)"])
    for override in overrides or []:
        _override(fields, override)
    _load_plugins(fields, file)
    try:
        spec = SweepSpec(**fields)
    except ValidationError as error:
        raise WrongSpec([f"{file}: {line}" for line in _readable(error)]) from None
    except TypeError:
        raise WrongSpec([f"{file}: field names must be words"]) from None
    problems = check(spec) + (check_data(spec) if data_here else [])
    if problems:
        raise WrongSpec([f"{file}: {problem}" for problem in problems])
    return spec


def _load_plugins(fields: dict[str, Any], file: Path) -> None:
    """Import the plug-ins before the other fields are read, which may name what they add."""
    names = fields.get("plugins")
    for i, name in enumerate(names if isinstance(names, list) else ()):
        try:
            load_plugins([str(name)])
        except PluginError as error:
            raise WrongSpec([f"{file}: plugins[{i}]: {error}"]) from None


def _override(fields: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise WrongSpec([f"-o {override}: write it as -o field=value"])
    *path, last = key.split(".")
    for name in path:
        inner = fields.get(name)
        if inner is None:
            inner = fields[name] = {}
        if not isinstance(inner, dict):
            raise WrongSpec([f"-o {override}: {name} is no mapping, so it has no field {last}"])
        fields = inner
    try:
        fields[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise WrongSpec([f"-o {override}: the value is not valid YAML"]) from None


def _readable(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = _where(problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _fields_at(problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(known))}"
            lines.append(f"{where}: unknown field; {hint}")
        elif problem["type"] == "missing":
            lines.append(f"{where}: this field is missing")
        elif problem["type"] in ("too_short", "string_too_short"):
            lines.append(f"{where}: is empty; give at least one")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {message[0].lower()}{message[1:]} (found {problem['input']!r})")
    return lines


def _where(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _fields_at(loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that a place in the sweep file may have."""
    top = str(loc[0]) if loc else ""
    last = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    inner: dict[str, type[Frozen]] = {
        "intermediates": IntermediateSpec,
        "targets": TargetSpec,
        "models": ModelSpec,
        "training": Training,
        "early_stopping": EarlyStopping,
        "retrieval": PoolingConfig,
        "execution": Execution,
        "generated": GeneratedSpec,
    }
    if last in ("tokenizer", "pretrain"):
        inner["models"] = TokenizerSpec if last == "tokenizer" else PretrainSpec
    if last in ("collapse", "asha"):
        inner["early_stopping"] = CollapseSpec if last == "collapse" else AshaSpec
    if last == "mlm":
        inner["intermediates"] = MlmSpec
    return list(inner.get(top, SweepSpec).model_fields)
