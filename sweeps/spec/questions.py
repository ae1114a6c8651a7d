"""Which research questions a sweep asks: what its file says (`question`), else what its axes can answer.

The report has a section for each (`sweeps.report.questions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sweeps.spec.fields import Question, SweepSpec
from sweeps.spec.intermediate import NONE, IntermediateSpec, in_languages
from sweeps.spec.model import ModelSpec
from trainables.tasks import UnknownTask, get_task

_SIZE = re.compile(r"[-_]?(?<![a-z0-9.])(\d+(?:\.\d+)?)([mb])(?![a-z0-9])", re.IGNORECASE)
_WORDS = re.compile(r"[-_]?(?<![a-z])(small|base|large|xxl|xl|mini|tiny)(?![a-z])", re.IGNORECASE)


class Arm(NamedTuple):
    """An intermediate by the languages of its train rows."""

    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    """In the order of the sweep file; the tasks' own where it names none."""


def questions_of(spec: SweepSpec) -> tuple[Question, ...]:
    """Those that the file names; else those that its axes can answer."""
    if spec.question:
        return spec.question
    tried: tuple[Question, ...] = ("scale", "multimodal", "robustness", "low-resource")
    found = tuple(name for name in tried if lacking(spec, name) is None)
    if not any(len(set(models.values())) > 1 for models in families(spec).values()):
        found = tuple(name for name in found if name != "scale")  # two models of two families are no curve
    if not found and lacking(spec, "intermediates") is None:
        return ("intermediates",)
    return found


def lacking(spec: SweepSpec, question: Question) -> str | None:
    """What a sweep lacks to answer a question, and what to do; None where it has all."""
    if question == "scale":
        if len({size for models in families(spec).values() for size in models.values()}) < 2:
            return "needs models of two sizes or more, of one family for a curve"
    elif question == "multimodal":
        if not (any(model.twin for model in spec.models.values()) or controls(spec)):
            return "needs a model with a text-only twin, or an image-text intermediate with a control beside it"
    elif question == "robustness":
        if not perturbed(spec):
            return "needs a target and a perturbed or adversarial set of it as another target"
    elif question == "low-resource":
        if not any(len(arms) > 1 for arms in by_language(spec).values()):
            return "needs one intermediate in two languages, such as mnli and mnli@sw"
    elif NONE not in spec.intermediate_names or len(spec.intermediates) < 2:
        return "needs none and another intermediate"
    return None


def check_questions(spec: SweepSpec) -> list[str]:
    """Questions that the sweep cannot answer; twins that are no models. One line per problem."""
    problems = [
        f"models.{name}.twin: {model.twin} is no other model of this sweep; give one of {', '.join(others)}"
        for name, model in spec.models.items()
        for others in ([one for one in spec.models if one != name],)
        if model.twin is not None and model.twin not in others
    ]
    if twice := next((one for one in spec.question if spec.question.count(one) > 1), None):
        return [*problems, f"question: {twice} stands there twice; once is enough"]
    for question in dict.fromkeys(spec.question):
        if lack := lacking(spec, question):
            problems.append(f"question: {question} {lack}")
    return problems


def families(spec: SweepSpec) -> dict[str, dict[str, int]]:
    """Models by family, with their parameters, smallest first; without those whose size is not known."""
    found: dict[str, dict[str, int]] = {}
    for name, model in spec.models.items():
        size = parameters_of(name, model)
        if size is not None:
            found.setdefault(family_of(name, model), {})[name] = size
    return {family: dict(sorted(sizes.items(), key=lambda item: item[1])) for family, sizes in found.items()}


def family_of(name: str, model: ModelSpec) -> str:
    """What a model says, else its name on the hub (or in the sweep) without its size.

    >>> family_of("big", ModelSpec(start="google/gemma-3-270m", revision="main"))
    'gemma-3'
    """
    return model.family or _WORDS.sub("", _SIZE.sub("", _called(name, model))).strip("-_. ").lower() or "models"


def parameters_of(name: str, model: ModelSpec) -> int | None:
    """Parameters of a model: by its shape, else as its name has them (`7b`); None where neither says it."""
    shape = model.shape()
    if shape is not None:
        return shape.parameters
    size = _SIZE.search(_called(name, model))
    return round(float(size[1]) * (1e6 if size[2].lower() == "m" else 1e9)) if size else None


def _called(name: str, model: ModelSpec) -> str:
    return name if model.start is None or model.path is not None else model.start.rpartition("/")[2]


def controls(spec: SweepSpec) -> dict[str, dict[str, str]]:
    """Image-text intermediate -> what it is compared with, each with its part: the same captions without images, text
    intermediates with as many updates, none."""
    found: dict[str, dict[str, str]] = {}
    for one in spec.intermediates:
        if one.has_images:
            of = {other.name: other.role for other in spec.intermediates if other.matched_to == one.name}
            found[one.name] = {**of, **({NONE: NONE} if NONE in spec.intermediate_names else {})}
    return {name: of for name, of in found.items() if of}


def perturbed(spec: SweepSpec) -> dict[str, str]:
    """Targets that are perturbed or adversarial sets, each with the clean target of the same sweep."""
    named = [target.task for target in spec.targets]
    found = {name: get_task(name).clean_of for name in named}
    return {name: clean for name, clean in found.items() if clean in named}


def by_language(spec: SweepSpec) -> dict[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Tasks of intermediates -> intermediate -> languages of its train rows; of those that differ in these alone."""
    found: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for one, arm in _arms(spec.intermediates):
        found.setdefault(arm.tasks, {})[one.name] = arm.languages
    return {tasks: arms for tasks, arms in found.items() if len(set(arms.values())) > 1}


def _arms(intermediates: tuple[IntermediateSpec, ...]) -> Iterator[tuple[IntermediateSpec, Arm]]:
    for one in intermediates:
        if one.is_none or one.text is not None:
            continue
        names = [in_languages(task) for task in one.tasks]
        try:
            own = [get_task(name).train_language for name, _ in names]
        except UnknownTask:
            continue  # said elsewhere
        languages = dict.fromkeys(x for (_, of), main in zip(names, own, strict=True) for x in of or (main,))
        yield one, Arm(tuple(dict.fromkeys(name for name, _ in names)), tuple(languages))
