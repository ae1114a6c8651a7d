"""The task types there are, by name."""

from __future__ import annotations

import difflib

from trainables.task_types.base import TaskType

_TASK_TYPES: dict[str, TaskType] = {}


class UnknownTaskType(ValueError):
    """No task type has this name."""

    def __init__(self, name: str) -> None:
        near = difflib.get_close_matches(name, _TASK_TYPES, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(_TASK_TYPES))}"
        super().__init__(f'there is no task type "{name}"; {hint}')


def register(task_type: TaskType) -> None:
    """Make a task type known.

    Raises:
        ValueError: another one has its name, or it does not say everything that it must.
    """
    missing = [name for name in ("name", "modeling_class", "columns", "usual_length") if not hasattr(task_type, name)]
    if missing:
        raise ValueError(f"{type(task_type).__name__}: a task type must set {', '.join(missing)}")
    if "id" not in task_type.columns:
        raise ValueError(f'{task_type.name}: the rows of a task type have a column "id"')
    known = _TASK_TYPES.setdefault(task_type.name, task_type)
    if type(known) is not type(task_type):
        raise ValueError(f"{task_type.name}: {type(known).__name__} has this name already")


def get_task_type(name: str) -> TaskType:
    """The task type of this name. Raises UnknownTaskType with the nearest name."""
    try:
        return _TASK_TYPES[name]
    except KeyError:
        raise UnknownTaskType(name) from None


def all_task_types() -> tuple[TaskType, ...]:
    """Every task type, in the order in which they were registered."""
    return tuple(_TASK_TYPES.values())
