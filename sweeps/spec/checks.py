"""What is wrong with a sweep file that its fields alone do not show: names, languages, models, data.

Each check gives lines that name the field and what to do.
"""

from __future__ import annotations

import difflib
from math import prod

from sweeps.spec.adaptation import check_adaptations
from sweeps.spec.execution import check_execution
from sweeps.spec.fields import SweepSpec, TargetSpec
from sweeps.spec.intermediate import IntermediateSpec, in_languages
from sweeps.spec.languages import check_codes, check_languages
from sweeps.spec.likelihood import check_way, check_ways
from sweeps.spec.matching import check_fields, check_matching
from sweeps.spec.model_checks import check_layer, check_mixture, check_model, check_objectives, task_of
from sweeps.spec.places import check_places
from sweeps.spec.questions import check_questions
from trainables.outside.places import local_path
from trainables.outside.text import Unreadable, shown
from trainables.recipe.tasks import FIRST_VISIBLE
from trainables.steps import groups
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.registry import base_of, way_of

CELLS = 20_000
"""Of a sweep, at most: what a plan takes a minute for."""


def check(spec: SweepSpec) -> list[str]:
    """Names, languages, models, places: what pydantic cannot see. One line per problem."""
    problems = [
        f"{axis}: {shown(item)} stands here twice; every {word} once"
        for axis, word, items in (
            ("seeds", "seed", spec.seeds),
            ("intermediates", "intermediate", tuple(one.name for one in spec.intermediates)),
            ("targets", "target", tuple(target.task for target in spec.targets)),
        )
        for item in dict.fromkeys(items)
        if items.count(item) > 1
    ]
    axes = (spec.models, spec.intermediates, spec.targets, spec.seeds)
    if (cells := prod(map(len, axes))) > CELLS:
        sizes = " x ".join(str(len(axis)) for axis in axes)
        return [
            f"models x intermediates x targets x seeds: {sizes} are {cells:,} cells; make sweeps of at most {CELLS:,}"
        ]
    if wrong := check_ways(spec.likelihood, spec.perturbations):
        return wrong
    for i, intermediate in enumerate(spec.intermediates):
        if not intermediate.is_none:
            problems += _check_intermediate(intermediate, f"intermediates[{i}]")
    for i, target in enumerate(spec.targets):
        problems += _check_target(target, f"targets[{i}]")
    problems += [] if problems else _check_twins(spec)
    for name, model in spec.models.items():
        problems += check_model(model, f"models.{name}") or check_layer(spec.retrieval, model, name)
    if not problems:
        problems += check_languages(spec) + check_matching(spec)
        problems += check_questions(spec)
        problems += [line for name, model in spec.models.items() for line in check_objectives(spec, model, name)]
        problems += check_adaptations(spec)
    used = {"all"}
    for intermediate in spec.intermediates:
        used |= {intermediate.name}
        if len(intermediate.tasks) == 1:
            used |= {in_languages(intermediate.tasks[0])[0]}
    if not problems:
        used |= {
            name for target in spec.targets for name in (get_task(target.task).trained_as, *target.trained_on[:-1])
        }
    used |= {base_of(name) for name in used}
    for name in spec.training if not problems else ():
        if name not in used:
            near = difflib.get_close_matches(name, used, n=1)
            mend = f'; did you mean "{near[0]}"?' if near else "; it would have no effect"
            problems.append(f"training.{name}: no intermediate or target of this sweep{mend}")
    problems += [line for name in spec.data if name != "all" for line in _check_place(name)]
    problems += check_execution(spec.execution, groups(), spec.models)
    return problems + check_places(spec)


def _check_twins(spec: SweepSpec) -> list[str]:
    """Of perturbed and adversarial targets: a drop is one of a single training."""
    trained = {target.task: target.trained_on for target in spec.targets}
    problems = []
    for i, target in enumerate(spec.targets):
        task = get_task(target.task)
        clean = task.trained_as
        if clean not in trained and task.perturbation is None and clean != task.name:
            problems.append(
                f'targets[{i}]: "{task.name}" is an adversarial set of "{clean}", which is no target here; add {clean}'
            )
        elif target.trained_on != trained.get(clean, target.trained_on):
            ours, theirs = (shown(", ".join(on) or "nothing") for on in (target.trained_on, trained[clean]))
            problems.append(
                f'targets[{i}]: "{target.task}" is trained on {ours}, and "{clean}" on {theirs}; '
                "give both the same train_on"
            )
    return problems


def _check_place(name: str) -> list[str]:
    """Of the name of a task to which `data` gives a place of its own."""
    task, problems = task_of(name, f"data.{name}")
    if task is not None and task.base is not task:
        problems.append(f'data.{name}: has the rows of "{task.base.name}"; write data.{task.base.name}')
    return problems


def check_data(spec: SweepSpec) -> list[str]:
    """Folders of data that are not there. One line per problem."""
    problems = []
    for name, place in spec.data.items():
        where = "data" if set(spec.data) == {"all"} else f"data.{name}"
        try:
            if place != "hub" and not local_path(place).is_dir():
                problems.append(
                    f"{where}: {place} is no directory; give a folder in the XTREME download layout, or hub"
                )
        except Unreadable as error:
            problems.append(f"{where}: {error}")
    return problems


def _trainable(name: str, where: str) -> list[str]:
    task, problems = task_of(name, where)
    if task is not None and task.clean_of is not None:
        return [f'{where}: "{name}" is an adversarial or perturbed set of "{task.clean_of}", and is never trained on']
    if task is not None and not task.has_train:
        other = f'; its training data is the task "{task.trains_on[-1]}"' if task.trains_on else ""
        problems.append(f'{where}: "{name}" has no training data of its own{other}')
    return problems


def _check_intermediate(intermediate: IntermediateSpec, where: str) -> list[str]:
    problems = check_fields(intermediate, where)
    short = intermediate.tasks == (intermediate.name,)
    for i, name in enumerate(intermediate.tasks):
        place = where if short else f"{where}.tasks[{i}]"
        task_name, languages = in_languages(name)
        wrong = _trainable(task_name, place)
        if not wrong:
            task = get_task(task_name)
            wrong += check_way(task, place)
            wrong += check_codes(languages, task.train_languages, place, f'"{task_name}" has no train rows in')
        problems += wrong
    if len(set(intermediate.tasks)) < len(intermediate.tasks):
        problems.append(f"{where}.tasks: a task stands there twice")
    several = len(intermediate.tasks) + (intermediate.text is not None)
    for field in ("cap", "temperature", "heads"):
        if getattr(intermediate, field) is not None and several < 2:
            problems.append(f"{where}.{field}: is about several tasks at once, and there is one")
    if intermediate.lm is not None and intermediate.mlm is not None:
        problems.append(f"{where}.mlm: stands beside lm; give one of them")
    for field in ("lm", "mlm"):
        if (text := getattr(intermediate, field)) is not None:
            problems += check_mixture(text, f"{where}.{field}")
    return problems


def _check_target(target: TargetSpec, where: str) -> list[str]:
    task, problems = task_of(target.task, where)
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
            if not task_type.continues_prompts:
                problems.append(f'{where}: "{task.name}" has no training data; give train_on')
        elif get_task_type(last.type).by_likelihood == task.type or task_type.by_likelihood == last.type:
            way = way_of(task.trained_as) or way_of(last.name)
            problems.append(
                f'{where}: "{task.name}" and "{last.name}": one is read by likelihood; write @{way} of both, or of none'
            )
        elif last.type != task.type:
            problems.append(f'{where}.train_on: "{last.name}" is no {task.type} task as "{task.name}" is')
        elif set(last.labels) != set(task.labels):
            problems.append(f'{where}.train_on: "{last.name}" has other labels than "{task.name}"')
        elif last.label_position != task.label_position:
            problems.append(
                f'{where}: "{task.name}" and "{last.name}" have tags in other places; write @{FIRST_VISIBLE} of both'
            )
    problems += check_way(task, where)
    return problems + check_codes(target.languages or (), task.languages, f"{where}.languages", f'"{task.name}" has no')
