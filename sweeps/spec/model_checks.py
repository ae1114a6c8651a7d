"""What is wrong with the models of a sweep file, and with the text that they learn from, a line each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.spec.fields import SweepSpec
from sweeps.spec.intermediate import in_languages
from sweeps.spec.languages import check_codes
from sweeps.spec.model import ModelSpec
from sweeps.spec.training import MixtureSpec, TextSpec
from trainables.models.backbones import (
    ADAPTER_CONFIG,
    CONFIG,
    PICKLED,
    TOKENIZER_FILES,
    UnsupportedModel,
    all_backbone_types,
    backbone_type_of,
)
from trainables.models.gguf import gguf_of
from trainables.outside.text import Unreadable, shown
from trainables.recipe.tasks import PoolingConfig
from trainables.task_types import all_task_types, get_task_type
from trainables.tasks import Task, UnknownTask, get_task

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_SIZES = re.compile(r"(num|d|n)_\w+|\w+_(size|embeddings)|vocab_size")
"""Settings of an architecture that are whole numbers from 1."""
LARGEST = 10_000_000


def check_model(model: ModelSpec, where: str) -> list[str]:
    if (model.start is None) == (model.architecture is None):
        return [f"{where}: give either start (a hub id or a path) or architecture and tokenizer"]
    if model.start is not None:
        if model.tokenizer is not None:
            return [f"{where}.tokenizer: a model that starts from weights brings its own"]
        try:
            path = model.path
            if path is None:
                return _check_hub(model, where) or _check_shape(model, where)
            if gguf_of(path) is not None:
                return _check_shape(model, where)
            if not (path / CONFIG).is_file():
                has = f"is no model (it has no {CONFIG}, and not one GGUF file)" if path.exists() else "is not there"
                return [f"{where}.start: {path} {has}; give a directory with {CONFIG}, or a GGUF file"]
            if problem := _lacking(path):
                return _check_shape(model, where) or [f"{where}.start: {path} {problem}"]
        except (Unreadable, OSError) as error:
            return [f"{where}.start: {error}"]
    elif model.tokenizer is None:
        return [f"{where}.tokenizer: a model from nothing needs one; give task and vocab_size"]
    problems = _check_architecture(model, where) or _check_shape(model, where)
    if model.tokenizer is not None:
        problems += _check_text(model.tokenizer, f"{where}.tokenizer")
    for i, pretrain in enumerate(model.pretrain):
        problems += check_mixture(pretrain, f"{where}.pretrain[{i}]")
        problems += _check_objective(pretrain.objective, f"{where}.pretrain[{i}].objective")
    return problems


def check_layer(retrieval: PoolingConfig, model: ModelSpec, name: str) -> list[str]:
    """The block whose output is read in retrieval is one of the model's."""
    shape, layer = model.shape(), retrieval.layer
    if shape is None or layer is None or layer <= shape.layers:
        return []
    return [
        f"retrieval.layer: {layer}, but models.{name} has {shape.layers} blocks; give 0 (embeddings) to {shape.layers}"
    ]


def check_objectives(spec: SweepSpec, model: ModelSpec, name: str) -> list[str]:
    """Whether a model can learn and be asked as the sweep has it: by a mask token, or by the next subword."""
    shape = model.shape()
    if shape is None:
        return []
    fields = {f"models.{name}.pretrain[{i}].objective": one.objective for i, one in enumerate(model.pretrain)}
    fields |= {f"targets[{i}]": get_task(target.task).type for i, target in enumerate(spec.targets)}
    for i, intermediate in enumerate(spec.intermediates):
        tasks = () if intermediate.is_none else intermediate.tasks
        fields |= {f"intermediates[{i}].tasks[{j}]": get_task(in_languages(x)[0]).type for j, x in enumerate(tasks)}
        if intermediate.text is not None:
            field = "mlm" if intermediate.lm is None else "lm"
            fields[f"intermediates[{i}].{field}"] = intermediate.text_objective(shape)
    able = ", ".join(one.model_type for one in all_backbone_types() if "mask_token" in one.special_tokens)
    problems = []
    for field, objective in fields.items():
        if get_task_type(objective).masks and not shape.mask_token:
            mend = f"leave it out, or take a model of type {able}" if not shape.is_decoder else "write lm or causal-lm"
            problems.append(f"{field}: {objective} needs a mask token, which the model {name} lacks; {mend}")
        if get_task_type(objective).predicts_next and not shape.causal:
            sees = "is no decoder" if not shape.is_decoder else "has bidirectional attention, and sees what it predicts"
            problems.append(f"{field}: {objective} needs a causal decoder; the model {name} {sees}; leave it out")
    return problems


def check_mixture(text: MixtureSpec, where: str) -> list[str]:
    problems = _check_text(text, where)
    mixed = {"weights": text.weights, "translations": text.translations}
    if text.alpha is None:
        problems += [f"{where}.{name}: needs alpha" for name, given in mixed.items() if given not in ({}, None)]
    for name in text.weights:
        if name not in text.corpora:
            problems.append(f"{where}.weights.{name}: no corpus of {', '.join(text.corpora)}")
    return problems


def task_of(name: str, where: str) -> tuple[Task | None, list[str]]:
    try:
        return get_task(name), []
    except UnknownTask as error:
        return None, [f"{where}: {error}"]


def _check_objective(name: str, where: str) -> list[str]:
    objectives = [one.name for one in all_task_types() if one.reads_text]
    if name in objectives:
        return []
    near = difflib.get_close_matches(name, objectives, n=1)
    mend = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(objectives)}"
    return [f'{where}: "{name}" is no objective on text; {mend}']


def _check_text(text: TextSpec, where: str) -> list[str]:
    problems, known = [], list[str]()
    for i, name in enumerate(text.corpora):
        task, wrong = task_of(name, f"{where}.corpora[{i}]")
        problems += wrong
        if task is not None and not get_task_type(task.type).reads_text:
            problems.append(f'{where}.corpora[{i}]: "{name}" is no text; give a text task')
        elif task is not None:
            known += task.languages
    if not problems:
        known = list(dict.fromkeys(known))
        problems += check_codes(text.languages or (), known, f"{where}.languages", "no corpus has")
    for i, name in enumerate(text.exclude):
        task, wrong = task_of(name, f"{where}.exclude[{i}]")
        problems += wrong
        if task is not None and (not task.languages or get_task_type(task.type).reads_text):
            problems.append(f'{where}.exclude[{i}]: "{name}" has no evaluation data')
    return problems


def _lacking(path: Path) -> str | None:
    """What a model directory lacks, as the end of a sentence."""
    if (path / ADAPTER_CONFIG).is_file():
        return "holds low-rank adapters; give a model that they are merged into (xstilts export, without --adapter)"
    if not list(path.glob("*.safetensors")):
        pickled = sorted(file.name for file in path.iterdir() if file.suffix in PICKLED)
        has = (
            f"has its weights in {pickled[0]} alone, which can run code" if pickled else "has no *.safetensors weights"
        )
        return f"{has}; load it with AutoModel of transformers, and save_pretrained it there"
    if not any((path / file).is_file() for file in TOKENIZER_FILES):
        return f"has no tokenizer ({', '.join(TOKENIZER_FILES)}); save_pretrained its tokenizer there"
    return None


def _check_hub(model: ModelSpec, where: str) -> list[str]:
    if model.start is not None and (not _HUB_ID.fullmatch(model.start) or "--" in model.start or ".." in model.start):
        return [f"{where}.start: {shown(model.start)} is no hub id (owner/name); a path begins with /, ./ or ~"]
    if model.revision is None:
        return [f"{where}.revision: a model of the hub needs the commit that the numbers shall stand for"]
    return []


def _check_architecture(model: ModelSpec, where: str) -> list[str]:
    """Sizes that no encoder can have."""
    settings = model.architecture or {}
    problems = [
        f"{where}.architecture.{key}: {shown(value)}; give a whole number from 1 to {LARGEST:,}"
        for key, value in settings.items()
        if _SIZES.fullmatch(key)
        and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST)
    ]
    if "model_type" in settings and not isinstance(settings["model_type"], str):
        problems.append(f"{where}.architecture.model_type: {shown(settings['model_type'])}; give a word")
    return problems


def _check_shape(model: ModelSpec, where: str) -> list[str]:
    field = f"{where}.{'architecture' if model.start is None else 'start'}"
    try:
        shape = model.shape()
    except UnsupportedModel as error:
        return [f"{field}: {error}"]
    if model.attention is not None and shape is not None and not shape.is_decoder:
        return [f"{where}.attention: {model.attention}, but this is an encoder, whose tokens see all; leave it out"]
    return _unknown_settings(model.architecture, field) if model.architecture is not None else []


def _unknown_settings(settings: Mapping[str, Any], field: str) -> list[str]:
    """Settings that make no other encoder of its kind: transformers would take them in silence."""
    backbone_type = backbone_type_of(settings, "the model")
    able = backbone_type.settings
    if able is None:
        return []
    problems = []
    for name in settings:
        if name not in able and name != "model_type":
            near = difflib.get_close_matches(name, able, n=1)
            mend = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(able))}"
            problems.append(f"{field}.{name}: no setting of a {backbone_type.model_type} encoder; {mend}")
    return problems
