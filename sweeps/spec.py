"""The sweep file: its fields, and every check that can be made before anything is started.

`read_spec` gives a `SweepSpec` or raises `WrongSpec`, whose lines each name the file, the field and the mend.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from trainables.recipe import Execution, Frozen
from trainables.tasks import Task, UnknownTask, get_task

NONE = "none"
"""The intermediate that is no intermediate: the baseline of every difference."""


class WrongSpec(ValueError):
    """The sweep file cannot be used; `lines` say where and what to do."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


class Training(Frozen):
    """How a task is trained: fields of the recipe's optimisation, and which rows are read.

    What is not given comes from `all`, then from the task's own defaults.
    """

    learning_rate: float | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    max_length: int | None = Field(default=None, ge=8)
    warmup: float | None = Field(default=None, ge=0, le=1)
    weight_decay: float | None = Field(default=None, ge=0)
    clip: float | None = Field(default=None, gt=0)
    adam_beta2: float | None = Field(default=None, gt=0, lt=1)
    adam_eps: float | None = Field(default=None, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    attention_dropout: float | None = Field(default=None, ge=0, lt=1)
    evaluate_every: int | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, gt=0)
    precision: Literal["fp32", "bf16"] | None = None
    train_limit: int | None = Field(default=None, gt=0)
    dev_limit: int | None = Field(default=None, gt=0)

    def given(self) -> dict[str, Any]:
        """The fields that are set."""
        return self.model_dump(exclude_none=True)


class TokenizerSpec(Frozen):
    """A Unigram tokenizer, trained on the text of a masked-lm task in all its languages (or in `languages`)."""

    task: str
    vocab_size: int = Field(gt=100)
    languages: tuple[str, ...] | None = None


class PretrainSpec(Training):
    """Phase one: masked language modelling on a task's text."""

    task: str
    languages: tuple[str, ...] | None = None


class ModelSpec(Frozen):
    """Where a sweep starts: weights that exist (`start`), or an architecture and a tokenizer from nothing."""

    start: str | None = None
    """A hub id, or a path to a local directory (with a slash in front, or beginning with `./` or `~`)."""
    revision: str | None = None
    """Commit of the hub's model."""
    architecture: dict[str, int | float | str | bool] | None = None
    tokenizer: TokenizerSpec | None = None
    pretrain: PretrainSpec | None = None
    seed: int = 1

    @property
    def path(self) -> Path | None:
        """The local directory, if `start` is one."""
        if self.start is not None and self.start.startswith(("/", "./", "../", "~")):
            return Path(self.start).expanduser().absolute()
        return None


class TargetSpec(Frozen):
    """A target task; `train_on` and `languages` replace what the registry says."""

    task: str
    train_on: str | None = None
    languages: tuple[str, ...] | None = None

    @property
    def trained_on(self) -> str | None:
        """Name of the task whose training data this target is trained on; None: never trained."""
        return self.train_on or get_task(self.task).trains_on


class GeneratedSpec(Frozen):
    """The generated benchmark: its world is drawn from `seed`; `size` scales its rows."""

    seed: int = 1
    size: float = Field(default=1.0, gt=0)


class SweepSpec(Frozen):
    """One sweep file."""

    sweep: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    models: dict[str, ModelSpec] = Field(min_length=1)
    intermediates: tuple[str, ...] = Field(min_length=1)
    targets: tuple[TargetSpec, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    intermediate_seeds: Literal["matched", "shared"] = "matched"
    """`matched`: the target of seed s starts from the intermediate of seed s, so the spread over seeds is that of both
    phases. `shared`: all start from the intermediate of the first seed; cheaper, and the spread is that of the target
    phase alone."""
    languages: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Evaluate in these languages only, where a target has them; by default in all that a target has."""
    test_limit: int | None = Field(default=None, gt=0)
    """Evaluate the first rows of each language only. Tables that were made so say so."""
    data: str | None = None
    generated: GeneratedSpec = GeneratedSpec()
    revisions: dict[str, str] = Field(default_factory=dict)
    training: dict[str, Training] = Field(default_factory=dict)
    """By task; `all` for every task."""
    execution: Execution = Execution()
    storage: str = "runs"
    tracking: str | None = None

    @field_validator("targets", mode="before")
    @classmethod
    def _short_targets(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"task": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _short_models(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: {"start": item} if isinstance(item, str) else item for name, item in value.items()}
        return value

    @property
    def tracking_uri(self) -> str:
        """Where MLflow is: as given, or a SQLite file beside the store."""
        if self.tracking is not None:
            return self.tracking
        base = "." if "://" in self.storage else self.storage
        return f"sqlite:///{Path(base).expanduser().absolute() / 'mlflow.db'}"


def read_spec(file: Path, overrides: list[str] | None = None) -> SweepSpec:
    """Read, override (`key.key=value`, the value as YAML) and check a sweep file. Raises WrongSpec."""
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongSpec([f"{file}: cannot be read ({error.strerror})"]) from None
    except yaml.YAMLError as error:
        raise WrongSpec([f"{file}: not valid YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(fields, dict):
        raise WrongSpec([f"{file}: expected a mapping of fields (sweep, models, intermediates, ...)"])
    for override in overrides or []:
        _override(fields, override)
    try:
        spec = SweepSpec(**fields)
    except ValidationError as error:
        raise WrongSpec([f"{file}: {line}" for line in _readable(error)]) from None
    except TypeError:
        raise WrongSpec([f"{file}: field names must be words"]) from None
    problems = _check(spec)
    if problems:
        raise WrongSpec([f"{file}: {problem}" for problem in problems])
    return spec


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
    last = str(loc[-1]) if loc else ""
    inner: dict[str, type[Frozen]] = {
        "targets": TargetSpec,
        "models": ModelSpec,
        "training": Training,
        "execution": Execution,
        "generated": GeneratedSpec,
    }
    if last in ("tokenizer", "pretrain"):
        inner["models"] = TokenizerSpec if last == "tokenizer" else PretrainSpec
    return list(inner.get(top, SweepSpec).model_fields)


# --- meaning -------------------------------------------------------------------------------------------------


def _check(spec: SweepSpec) -> list[str]:
    """What pydantic cannot see. One line per problem."""
    problems = [
        f"{axis}: {item!r} stands here twice; every {word} once"
        for axis, word, items in (
            ("seeds", "seed", spec.seeds),
            ("intermediates", "intermediate", spec.intermediates),
            ("targets", "target", tuple(target.task for target in spec.targets)),
        )
        for item in dict.fromkeys(items)
        if items.count(item) > 1
    ]
    for i, name in enumerate(spec.intermediates):
        if name != NONE:
            problems += _trainable(name, f"intermediates[{i}]")
    for i, target in enumerate(spec.targets):
        problems += _check_target(spec, target, f"targets[{i}]")
    for name, model in spec.models.items():
        problems += _check_model(model, f"models.{name}")
    used = {*spec.intermediates, *(target.task for target in spec.targets), "all"}
    for name in spec.training:
        if name not in used:
            near = difflib.get_close_matches(name, used, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else "; it would have no effect"
            problems.append(f"training.{name}: no intermediate or target of this sweep{hint}")
    if spec.data not in (None, "hub") and not Path(str(spec.data)).expanduser().is_dir():
        problems.append(f"data: {spec.data} is no directory; give a folder in the XTREME download layout, or hub")
    return problems


def _task(name: str, where: str) -> tuple[Task | None, list[str]]:
    try:
        return get_task(name), []
    except UnknownTask as error:
        return None, [f"{where}: {error}"]


def _trainable(name: str, where: str) -> list[str]:
    task, problems = _task(name, where)
    if task is not None and not task.has_train:
        other = f'; its training data is the task "{task.trains_on}"' if task.trains_on else ""
        problems.append(f'{where}: "{name}" has no training data of its own{other}')
    return problems


def _check_target(spec: SweepSpec, target: TargetSpec, where: str) -> list[str]:
    task, problems = _task(target.task, where)
    if task is None:
        return problems
    if not task.languages or task.family == "masked-lm":
        return [f'{where}: "{task.name}" has no evaluation data; it can only be trained on']
    if target.train_on is not None:
        problems += _trainable(target.train_on, f"{where}.train_on")
        if not problems and get_task(target.train_on).family != task.family:
            problems.append(f'{where}.train_on: "{target.train_on}" is no {task.family} task as "{task.name}" is')
    if not problems and target.trained_on is None and task.family != "retrieval":
        problems.append(f'{where}: "{task.name}" has no training data; give train_on')
    for language in target.languages or ():
        if language not in task.languages:
            problems.append(f'{where}.languages: "{task.name}" has no "{language}"; has: {" ".join(task.languages)}')
    if spec.languages is not None and not set(spec.languages) & set(task.languages):
        problems.append(f'languages: none of them is in "{task.name}"; has: {" ".join(task.languages)}')
    return problems


def _check_model(model: ModelSpec, where: str) -> list[str]:
    if (model.start is None) == (model.architecture is None):
        return [f"{where}: give either start (a hub id or a path) or architecture and tokenizer"]
    if model.start is not None:
        if model.tokenizer is not None:
            return [f"{where}.tokenizer: a model that starts from weights brings its own"]
        path = model.path
        if path is None:
            return _check_hub(model, where)
        if not (path / "config.json").is_file():
            return [f"{where}.start: {path} is no model directory (it has no config.json)"]
        if not list(path.glob("*.safetensors")):
            return [f"{where}.start: {path} has no *.safetensors weights"]
    elif model.tokenizer is None:
        return [f"{where}.tokenizer: a model from nothing needs one; give task and vocab_size"]
    problems = []
    for name, part in (("tokenizer", model.tokenizer), ("pretrain", model.pretrain)):
        if part is not None:
            task, wrong = _task(part.task, f"{where}.{name}.task")
            problems += wrong
            if task is not None and task.family != "masked-lm":
                problems.append(f'{where}.{name}.task: "{part.task}" is no text; give a masked-lm task')
    return problems


def _check_hub(model: ModelSpec, where: str) -> list[str]:
    if model.start is not None and model.start.count("/") > 1:
        return [f"{where}.start: {model.start} is no hub id (owner/name); a path begins with /, ./ or ~"]
    if model.revision is None:
        return [f"{where}.revision: a model of the hub needs the commit that the numbers shall stand for"]
    return []
