"""The kinds of steps there are, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from trainables.recipe.recipes import Recipe
from trainables.steps.base import StepKind

_KINDS: dict[str, StepKind] = {}


class UnknownStepKind(ValueError):
    """No kind of step has this name."""

    def __init__(self, name: str) -> None:
        near = difflib.get_close_matches(name, _KINDS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(_KINDS)}"
        super().__init__(f'there is no kind of step "{name}"; {hint}')


def register(kind: StepKind) -> None:
    """Make a kind of step known.

    Raises:
        ValueError: another one has its name, or it does not say everything that it must.
    """
    missing = [name for name in ("name", "recipe", "group") if not hasattr(kind, name)]
    if missing:
        raise ValueError(f"{type(kind).__name__}: a kind of step must set {', '.join(missing)}")
    if type(_KINDS.setdefault(kind.name, kind)) is not type(kind):
        raise ValueError(f"{kind.name}: {type(_KINDS[kind.name]).__name__} has this name already")


def get_step_kind(name: str) -> StepKind:
    """The kind of step of this name. Raises UnknownStepKind with the nearest name."""
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownStepKind(name) from None


def kind_of(recipe: Recipe) -> StepKind:
    """The kind of step that carries out a recipe."""
    return get_step_kind(recipe.kind)


def groups() -> tuple[str, ...]:
    """What steps are counted and listed under, in the order in which kinds were registered."""
    return tuple(dict.fromkeys(kind.group for kind in _KINDS.values()))


def read_recipe(value: Mapping[str, Any]) -> Recipe:
    """A recipe from the dictionary that `model_dump(mode="json")` wrote.

    Raises:
        ValueError: there is no such kind, or (pydantic's ValidationError) a field does not fit.
    """
    return get_step_kind(str(value.get("kind"))).recipe.model_validate(value)
