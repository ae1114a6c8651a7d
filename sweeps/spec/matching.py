"""What is wrong with intermediates that are matched to others, and with those that have images, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.spec.fields import SweepSpec
from sweeps.spec.intermediate import IntermediateSpec, in_languages
from sweeps.spec.vision import check_vision
from trainables.outside.text import shown
from trainables.task_types import get_task_type
from trainables.tasks import UnknownTask, get_task

RANKING = "translation-ranking"


def check_fields(one: IntermediateSpec, where: str) -> list[str]:
    """Fields that exclude each other, or that are missing."""
    if one.is_none:
        return []
    if one.captions_of is None and not one.tasks:
        return [f"{where}.tasks: is missing; name the tasks of this intermediate, or captions_of"]
    problems = []
    if one.captions_of is not None and (one.tasks or one.text or one.vision or one.updates_of):
        problems.append(f"{where}.captions_of: stands instead of tasks, mlm, vision and updates_of; take these out")
    if one.objective is not None and one.captions_of is None:
        problems.append(f"{where}.objective: is about captions; give captions_of, or take it out")
    return problems


def check_matching(spec: SweepSpec) -> list[str]:
    """Whether intermediates match some that can be matched. Their tasks are known already."""
    problems = []
    by_name = {one.name: one for one in spec.intermediates}
    for i, one in enumerate(spec.intermediates):
        field = "captions_of" if one.captions_of is not None else "updates_of"
        where = f"intermediates[{i}].{field}"
        if (name := one.matched_to) is None:
            continue
        other = by_name.get(name)
        if other is None or other.is_none or other.matched_to is not None or other is one:
            free = [key for key, it in by_name.items() if not it.is_none and it.matched_to is None and it is not one]
            problems.append(f"{where}: {shown(name)} is none to be matched; there are: {', '.join(free) or 'none'}")
            continue
        if field == "captions_of":
            problems += _captions(one, other, where)
        problems += _same_settings(spec, one, other)
    return problems + list(_visions(spec))


def _captions(one: IntermediateSpec, other: IntermediateSpec, where: str) -> Iterator[str]:
    if not other.has_images or len(other.tasks) != 1 or other.text is not None:
        yield f"{where}: {shown(other.name)} is no image-text task alone; name an intermediate of one such task"
        return
    _, languages = in_languages(other.tasks[0])
    if get_task_type(one.objective or RANKING).learns_from_translations and len(languages) < 2:
        yield f"{where}: {other.name} has captions in one language, and {RANKING} compares two; give its task {_MORE}"


_MORE = "more languages (TASK@en+de), or objective: masked-lm"


def _same_settings(spec: SweepSpec, one: IntermediateSpec, other: IntermediateSpec) -> Iterator[str]:
    """Updates are said once, of the one that is matched, and as a number: epochs of other rows are other updates."""
    layers = [spec.training.get(name) for name in training_names(other)]
    given = [layer for layer in layers if layer is not None]
    steps = [layer for layer in given if layer.steps is not None or layer.epochs is not None]
    if not steps or steps[-1].steps is None:
        yield (
            f"training.{other.name}.steps: {one.name} is matched to its updates; give their number, which epochs of "
            "other rows would not be"
        )
    for name in (key for key in training_names(one) if key not in training_names(other)):
        own = spec.training.get(name)
        for field in ("steps", "epochs", "batch_size", *(("train_limit",) if one.captions_of is not None else ())):
            if own is not None and getattr(own, field) is not None:
                yield f"training.{name}.{field}: {one.name} is matched to {other.name}, which says it; take it out"


def training_names(one: IntermediateSpec) -> tuple[str, ...]:
    """The keys of `training` that speak of an intermediate, the last the strongest."""
    if len(one.tasks) == 1:
        return tuple(dict.fromkeys(("all", in_languages(one.tasks[0])[0], one.name)))
    return ("all", one.name)


def _visions(spec: SweepSpec) -> Iterator[str]:
    """Whether all that has images has a tower to see them, and nothing else has one."""
    if spec.vision is not None:
        yield from check_vision(spec.vision, "vision")
    used = False
    for i, one in enumerate(spec.intermediates):
        sees = one.has_images
        used |= sees and one.vision is None
        if one.vision is not None:
            yield from check_vision(one.vision, f"intermediates[{i}].vision")
            if not sees:
                yield f"intermediates[{i}].vision: {one.name} has no images; take it out"
        elif sees and spec.vision is None:
            yield f"vision: is missing, and the intermediate {one.name} has images; {_TOWER}"
        if sees and len(one.tasks) > 1:
            yield f"intermediates[{i}].tasks: an image-text task stands alone: its loss is one of whole batches"
    for i, target in enumerate(spec.targets):
        sees = any(map(_has_images, (target.task, *target.trained_on)))
        used |= sees
        if sees and spec.vision is None:
            yield f"vision: is missing, and targets[{i}] ({target.task}) has images; {_TOWER}"
    if spec.vision is not None and not used:
        yield "vision: nothing in this sweep has images and no tower of its own; take it out"


_TOWER = "give start (a CLIP or SigLIP model) or architecture"


def _has_images(name: str) -> bool:
    try:
        return get_task_type(get_task(name).type).image_column is not None
    except UnknownTask:
        return False
