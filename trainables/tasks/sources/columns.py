"""Records of a data set as rows of a task type: which column holds what, and what its labels are called here.

A path names a column of a record, and after a dot what is in it: `choices.text`. In a list it goes into each entry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trainables.outside.text import shown
from trainables.task_types import get_task_type
from trainables.tasks.sources import DataError, Row
from trainables.tasks.task import Task

Paths = str | tuple[str, ...]
"""One path, or several: their texts with blanks between them or, where a column holds a list, its entries."""


def row_of(
    record: Mapping[str, Any],
    task: Task,
    columns: Mapping[str, Paths],
    labels: Mapping[str, str],
    class_names: Mapping[str, Sequence[str]],
    where: str,
) -> Row:
    """The row that a record is; without "id" where the record has none.

    Args:
        columns: paths by column of the task type, where they are not the column's own name; of answers whose texts and
            starts are columns of their own, `answers.text` and `answers.answer_start`.
        labels: the task's labels by what the data set writes (a name, or a number as text), where they differ.
        class_names: by path, for columns that hold numbers of classes: what the classes are called. -1 is no label.
        where: file and place, for errors.

    Raises:
        DataError: a column is not there, or a class that has no name.
    """
    row: Row = {}
    for name, column in get_task_type(task.type).columns.items():
        if column.kind == "answers" and f"{name}.text" in columns:
            row[name] = _answers(record, name, columns, where)
            continue
        if column.may_be_empty and not column.label and name not in columns and name not in record:
            row[name] = column.nothing
            continue
        paths = columns.get(name, name)
        if name == "id" and paths not in record:
            continue
        found = []
        for path in (paths,) if isinstance(paths, str) else paths:
            value = value_at(record, path, name, where)
            if column.label:
                value = _label(value)
            found.append(_named(value, class_names.get(path, ()), labels if column.label else {}, task, where))
        if isinstance(paths, str):
            row[name] = found[0]
        else:
            row[name] = found if column.kind == "texts" else " ".join(map(str, found))
    return row


def _answers(record: Mapping[str, Any], name: str, columns: Mapping[str, Paths], where: str) -> dict[str, list[Any]]:
    """SQuAD's object of lists, of two columns: texts, and the characters at which they start."""
    found = {}
    for part in ("text", "answer_start"):
        path = columns.get(f"{name}.{part}", f"{name}.{part}")
        value = value_at(record, path if isinstance(path, str) else path[0], f"{name}.{part}", where)
        values = list(value) if isinstance(value, list | tuple) else [] if value in (None, "") else [value]
        found[part] = [int(one) if part == "answer_start" and str(one).isdecimal() else one for one in values]
    return found


def _label(value: Any) -> Any:
    """A label as data sets mean it: truth values by name, 1.0 (of tables with gaps) as a whole number, NaN as none."""
    if isinstance(value, list | tuple):
        return [_label(one) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value


def value_at(record: Mapping[str, Any], path: str, purpose: str, where: str) -> Any:
    """What stands at a path of a record. `purpose`: what it is wanted for. Raises DataError where there is nothing."""
    try:
        return _at(record, path)
    except (KeyError, TypeError, IndexError):
        there = shown(", ".join(map(str, record)), 120)
        raise DataError(f'{where}: no column "{path}" for {purpose}; it has {there}') from None


def _at(record: Any, path: str) -> Any:
    if isinstance(record, Mapping) and path in record:
        return record[path]
    first, dot, rest = path.partition(".")
    if isinstance(record, list | tuple):
        return [_at(one, path) for one in record]
    return _at(record[first], rest) if dot else record[first]


def _named(value: Any, names: Sequence[str], labels: Mapping[str, str], task: Task, where: str) -> Any:
    """A class by its name, a label as the task calls it. A task whose labels are numbers keeps them, whatever a data
    set calls them."""
    if not names and not labels:
        return value
    if isinstance(value, list | tuple):
        return [_named(one, names, labels, task, where) for one in value]
    text = str(value)
    if isinstance(value, int) and names:
        if value >= len(names):
            raise DataError(f"{where}: the class {value} has no name; there are: {shown(', '.join(names))}")
        text = "" if value < 0 else text if text in labels or text in task.row_labels else names[value]
    return labels.get(text, text) if names or isinstance(value, str | int) else value
