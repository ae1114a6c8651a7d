"""What is wrong with a sweep file that its fields alone do not show: names, languages, models, data, secrets.

Each check gives lines that name the field and what to do.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from urllib.parse import urlsplit

from sweeps.spec.fields import (
    MASKED_LM,
    IntermediateSpec,
    MixtureSpec,
    ModelSpec,
    SweepSpec,
    TargetSpec,
    TextSpec,
    in_languages,
)
from trainables.models.backbones import CONFIG, UnsupportedModel, all_backbone_types
from trainables.task_types import all_task_types, get_task_type
from trainables.tasks import Task, UnknownTask, get_task


def check(spec: SweepSpec) -> list[str]:
    """Names, languages, models, secrets: what pydantic cannot see. One line per problem."""
    problems = [
        f"{axis}: {item!r} stands here twice; every {word} once"
        for axis, word, items in (
            ("seeds", "seed", spec.seeds),
            ("intermediates", "intermediate", tuple(one.name for one in spec.intermediates)),
            ("targets", "target", tuple(target.task for target in spec.targets)),
        )
        for item in dict.fromkeys(items)
        if items.count(item) > 1
    ]
    for i, intermediate in enumerate(spec.intermediates):
        if not intermediate.is_none:
            problems += _check_intermediate(intermediate, f"intermediates[{i}]")
    for i, target in enumerate(spec.targets):
        problems += _check_target(spec, target, f"targets[{i}]")
    for name, model in spec.models.items():
        problems += _check_model(model, f"models.{name}")
    if not problems:
        problems += [line for name, model in spec.models.items() for line in _check_masking(spec, model, name)]
    used = {"all"}
    for intermediate in spec.intermediates:
        used |= {intermediate.name}
        if len(intermediate.tasks) == 1:
            used |= {in_languages(intermediate.tasks[0])[0]}
    if not problems:
        used |= {name for target in spec.targets for name in (target.task, *target.trained_on[:-1])}
    for name in spec.training if not problems else ():
        if name not in used:
            near = difflib.get_close_matches(name, used, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else "; it would have no effect"
            problems.append(f"training.{name}: no intermediate or target of this sweep{hint}")
    problems += [line for name in spec.data if name != "all" for line in _task(name, f"data.{name}")[1]]
    return problems + _check_secrets(spec)


def check_data(spec: SweepSpec) -> list[str]:
    """Folders of data that are not there. One line per problem."""
    problems = []
    for name, place in spec.data.items():
        where = "data" if set(spec.data) == {"all"} else f"data.{name}"
        if place != "hub" and not Path(place).expanduser().is_dir():
            problems.append(f"{where}: {place} is no directory; give a folder in the XTREME download layout, or hub")
    return problems


def _check_secrets(spec: SweepSpec) -> list[str]:
    """A sweep file is shown to others and kept beside its runs. The lines do not repeat what they complain of."""
    places = {
        "tracking": (spec.tracking, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        "storage": (spec.storage, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else the storage reads,"),
    }
    problems = []
    for field, (place, variables) in places.items():
        try:
            secret = urlsplit(place or "").password is not None
        except ValueError:
            problems.append(f"{field}: is no address that can be read")
            continue
        if secret:
            problems.append(
                f"{field}: a password stands in the address; take it out and set {variables} in the environment"
            )
    return problems


def _task(name: str, where: str) -> tuple[Task | None, list[str]]:
    try:
        return get_task(name), []
    except UnknownTask as error:
        return None, [f"{where}: {error}"]


def _trainable(name: str, where: str) -> list[str]:
    task, problems = _task(name, where)
    if task is not None and not task.has_train:
        other = f'; its training data is the task "{task.trains_on[-1]}"' if task.trains_on else ""
        problems.append(f'{where}: "{name}" has no training data of its own{other}')
    return problems


def _check_intermediate(intermediate: IntermediateSpec, where: str) -> list[str]:
    problems = []
    short = intermediate.tasks == (intermediate.name,)
    for i, name in enumerate(intermediate.tasks):
        place = where if short else f"{where}.tasks[{i}]"
        task_name, languages = in_languages(name)
        wrong = _trainable(task_name, place)
        if not wrong:
            task = get_task(task_name)
            for language in languages:
                if language not in task.train_languages:
                    have = " ".join(task.train_languages)
                    wrong.append(f'{place}: "{task_name}" has no train rows in "{language}"; has: {have}')
        problems += wrong
    if len(set(intermediate.tasks)) < len(intermediate.tasks):
        problems.append(f"{where}.tasks: a task stands there twice")
    several = len(intermediate.tasks) + (intermediate.mlm is not None)
    for field in ("cap", "temperature", "heads"):
        if getattr(intermediate, field) is not None and several < 2:
            problems.append(f"{where}.{field}: is about several tasks at once, and there is one")
    if intermediate.mlm is not None:
        problems += _check_mixture(intermediate.mlm, f"{where}.mlm")
    return problems


def _check_target(spec: SweepSpec, target: TargetSpec, where: str) -> list[str]:
    task, problems = _task(target.task, where)
    if task is None:
        return problems
    task_type = get_task_type(task.type)
    if not task.languages or task_type.reads_text:
        return [f'{where}: "{task.name}" has no evaluation data; it can only be trained on']
    for name in target.train_on or ():
        problems += _trainable(name, f"{where}.train_on")
    if not problems and not task_type.compares_vectors:
        last = get_task(target.trained_on[-1]) if target.trained_on else None
        if last is None:
            problems.append(f'{where}: "{task.name}" has no training data; give train_on')
        elif last.type != task.type:
            problems.append(f'{where}.train_on: "{last.name}" is no {task.type} task as "{task.name}" is')
        elif set(last.labels) != set(task.labels):
            problems.append(f'{where}.train_on: "{last.name}" has other labels than "{task.name}"')
    for language in target.languages or ():
        if language not in task.languages:
            problems.append(f'{where}.languages: "{task.name}" has no "{language}"; has: {" ".join(task.languages)}')
    languages = target.languages or task.languages
    if spec.languages is not None and not set(spec.languages) & set(languages):
        problems.append(f'languages: none of them is in "{task.name}"; has: {" ".join(languages)}; leave {where} out')
    return problems


def _check_model(model: ModelSpec, where: str) -> list[str]:
    if (model.start is None) == (model.architecture is None):
        return [f"{where}: give either start (a hub id or a path) or architecture and tokenizer"]
    if model.start is not None:
        if model.tokenizer is not None:
            return [f"{where}.tokenizer: a model that starts from weights brings its own"]
        path = model.path
        if path is None:
            return _check_hub(model, where) or _check_shape(model, where)
        if not (path / CONFIG).is_file():
            return [f"{where}.start: {path} is no model directory (it has no {CONFIG})"]
        if not list(path.glob("*.safetensors")):
            return [f"{where}.start: {path} has no *.safetensors weights"]
    elif model.tokenizer is None:
        return [f"{where}.tokenizer: a model from nothing needs one; give task and vocab_size"]
    problems = _check_shape(model, where)
    if model.tokenizer is not None:
        problems += _check_text(model.tokenizer, f"{where}.tokenizer")
    for i, pretrain in enumerate(model.pretrain):
        problems += _check_mixture(pretrain, f"{where}.pretrain[{i}]")
        problems += _check_objective(pretrain.objective, f"{where}.pretrain[{i}].objective")
    return problems


def _check_masking(spec: SweepSpec, model: ModelSpec, name: str) -> list[str]:
    """Whether a model that has no mask token is to learn by one."""
    shape = model.shape()
    if shape is None or shape.mask_token:
        return []
    fields = {f"models.{name}.pretrain[{i}].objective": one.objective for i, one in enumerate(model.pretrain)}
    for i, intermediate in enumerate(spec.intermediates):
        tasks = () if intermediate.is_none else intermediate.tasks
        fields |= {f"intermediates[{i}].tasks[{j}]": get_task(in_languages(x)[0]).type for j, x in enumerate(tasks)}
        if intermediate.mlm is not None:
            fields[f"intermediates[{i}].mlm"] = MASKED_LM
    able = ", ".join(one.model_type for one in all_backbone_types() if "mask_token" in one.special_tokens)
    return [
        f"{field}: {one} needs a mask token, which the model {name} lacks; leave it out, or take a model of type {able}"
        for field, one in fields.items()
        if get_task_type(one).masks
    ]


def _check_objective(name: str, where: str) -> list[str]:
    objectives = [one.name for one in all_task_types() if one.reads_text]
    if name in objectives:
        return []
    near = difflib.get_close_matches(name, objectives, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(objectives)}"
    return [f'{where}: "{name}" is no objective on text; {hint}']


def _check_mixture(text: MixtureSpec, where: str) -> list[str]:
    problems = _check_text(text, where)
    mixed = {"weights": text.weights, "translations": text.translations}
    if text.alpha is None:
        problems += [f"{where}.{name}: needs alpha" for name, given in mixed.items() if given not in ({}, None)]
    for name in text.weights:
        if name not in text.corpora:
            problems.append(f"{where}.weights.{name}: no corpus of {', '.join(text.corpora)}")
    return problems


def _check_text(text: TextSpec, where: str) -> list[str]:
    problems = []
    for i, name in enumerate(text.corpora):
        task, wrong = _task(name, f"{where}.corpora[{i}]")
        problems += wrong
        if task is not None and not get_task_type(task.type).reads_text:
            problems.append(f'{where}.corpora[{i}]: "{name}" is no text; give a text task')
        elif task is not None and text.languages and not set(text.languages) & set(task.languages):
            problems.append(f'{where}.languages: none of them is in "{name}"; has: {" ".join(task.languages)}')
    for i, name in enumerate(text.exclude):
        task, wrong = _task(name, f"{where}.exclude[{i}]")
        problems += wrong
        if task is not None and (not task.languages or get_task_type(task.type).reads_text):
            problems.append(f'{where}.exclude[{i}]: "{name}" has no evaluation data')
    return problems


def _check_hub(model: ModelSpec, where: str) -> list[str]:
    if model.start is not None and model.start.count("/") > 1:
        return [f"{where}.start: {model.start} is no hub id (owner/name); a path begins with /, ./ or ~"]
    if model.revision is None:
        return [f"{where}.revision: a model of the hub needs the commit that the numbers shall stand for"]
    return []


def _check_shape(model: ModelSpec, where: str) -> list[str]:
    try:
        model.shape()
    except UnsupportedModel as error:
        return [f"{where}.{'architecture' if model.start is None else 'start'}: {error}"]
    return []
