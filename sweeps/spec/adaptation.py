"""What is wrong with the low-rank adapters that a sweep file asks for, a line each: targets and ranks that its models
do not have, trainings that adapters are nothing for."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.spec.fields import SweepSpec
from sweeps.spec.model import ModelSpec
from sweeps.spec.training import AdaptationSpec, LoraSpec
from trainables.models.lora_shape import mend, paths_of, targeted, without_match
from trainables.models.shape import ModelShape
from trainables.outside.text import shown
from trainables.task_types import HeadWork, get_task_type

NO_HEAD = HeadWork(0.0, 0.0, 1, 0, 0)


def check_adaptations(spec: SweepSpec) -> list[str]:
    """Of all trainings; the models are sound otherwise."""
    shapes = {name: model.shape() for name, model in spec.models.items()}
    problems = []
    for name, training in spec.training.items():
        for of, shape in shapes.items():
            problems += _check(training.adaptation, f"training.{name}", of, shape)
    for name, model in spec.models.items():
        problems += _check_pretraining(name, model, shapes[name])
    return list(dict.fromkeys(problems))


def _check_pretraining(name: str, model: ModelSpec, shape: ModelShape | None) -> Iterator[str]:
    for i, pretrain in enumerate(model.pretrain):
        where = f"models.{name}.pretrain[{i}]"
        problems = _check(pretrain.adaptation, where, name, shape)
        if pretrain.adaptation is not None and pretrain.adaptation.lora is not None and not problems:
            if model.start is None and i == 0:
                problems = [f"{where}.adaptation: lora, but the weights below would be random for ever; leave it out"]
            elif not get_task_type(pretrain.objective).forward_flops(1.0, NO_HEAD):
                problems = [
                    f"{where}.adaptation: lora, but {pretrain.objective} trains the embeddings alone, which have no "
                    "adapters; leave it out"
                ]
        yield from problems


def _check(adaptation: AdaptationSpec | None, where: str, model: str, shape: ModelShape | None) -> list[str]:
    """Of the adapters of one training on one model; what is not known before a model is there is checked when its first
    training begins."""
    if adaptation is None or adaptation.lora is None or shape is None or not shape.linears:
        return []
    lora, field = adaptation.lora, f"{where}.adaptation.lora"
    paths = paths_of(shape)
    names = lora.lora().targets
    if not isinstance(names, str) and (lost := without_match(names, paths)):
        return [f"{field}.targets: {shown(lost[0])} is no linear module of models.{model}; {mend(lost[0], paths)}"]
    return _check_rank(lora, field, model, shape)


def _check_rank(lora: LoraSpec, field: str, model: str, shape: ModelShape) -> list[str]:
    widths = [min(linear.inputs, linear.outputs) for linear in targeted(shape, lora.lora())]
    if lora.rank <= min(widths):
        return []
    return [
        f"{field}.rank: {lora.rank}, but a matrix of models.{model} that it targets has rank {min(widths)} at most; "
        "give less, mostly 4 to 64"
    ]
