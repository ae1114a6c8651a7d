"""A row that a user wrote, checked field by field against the columns of its task type.

What means the same is made the same: ids as texts or numbers; labels by name or by number (0 is the first label of the
task, unless its labels are numbers themselves); answers as SQuAD's object of lists or as a list of objects. A label
that is missing, null, empty or -1 is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.task_types import Column, TaskType, get_task_type
from trainables.tasks.sources import DataError, Row, WrongValue
from trainables.tasks.sources.image_files import image_of
from trainables.tasks.task import Split, Task

NO_LABEL = "-1"
"""What the hub and many files have where a row has no label."""
_FORM = {
    "text": "write a text in quotes",
    "texts": "write a list of texts",
    "answers": 'write {"text": [...], "answer_start": [...]}',
}


def checked_row(record: object, task: Task, split: Split, where: str, folder: Path | None = None) -> Row:
    """The row that a record is; without "id" where the record has none.

    Args:
        record: as JSON or parquet has it.
        where: file and line, for errors.
        folder: where relative paths of images begin.

    Raises:
        DataError: it does not fit the columns of the task's type.
    """
    task_type = get_task_type(task.type)
    if not isinstance(record, Mapping):
        raise DataError(f"{where}: {shown(record)} is no row; write an object with {', '.join(task_type.columns)}")
    row: Row = {}
    for name, column in task_type.columns.items():
        try:
            row[name] = _value(record, name, column, task, split, folder)
        except WrongValue as problem:
            raise DataError(f"{where}: {name}{problem}") from None
    if task_type.misplaced(row) and not (split == "test" and has_answers(task_type)):
        raise DataError(f"{where}: {misfit(task_type, row)}")
    return row if "id" in record else {name: value for name, value in row.items() if name != "id"}


def plain_value(value: object, column: Column) -> Any:
    """A value as a column holds it, whatever the task: labels that are numbers become texts. Raises WrongValue where it
    is of another kind."""
    if value is None and column.nullable:
        return None
    return _KINDS[column.kind](value, _name if column.label and column.kind != "answers" else _text)


def _value(record: Mapping[str, Any], name: str, column: Column, task: Task, split: Split, folder: Path | None) -> Any:
    task_type, value = get_task_type(task.type), record.get(name)
    if name == "id":
        return _id(value) if name in record or split in task_type.refers_to else ""
    if name not in record and not (column.may_be_empty or column.label):
        raise WrongValue(f" is not there; rows of {task.type} have: {', '.join(task_type.columns)}")
    if column.label:
        return _labelled(value, name, column, task)
    if column.kind == "image":
        return image_of(value, folder)
    found = _KINDS[column.kind](value, _text) if name in record else column.nothing
    # Only rows that are searched with or for lack a side; what is trained on is a pair.
    if not found and column.may_be_empty and task_type.searches and split in ("train", "dev"):
        raise WrongValue(" is empty; rows to train on have both sides of a pair: write its text")
    if column.values and found not in column.values:
        raise WrongValue(f" is {shown(found)}; write one of: {', '.join(column.values)}")
    if column.kind == "texts" and not found and not column.may_be_empty:
        raise WrongValue(" is []; write its texts, or leave the row out")
    return found


def _labelled(value: object, name: str, column: Column, task: Task) -> Any:
    """What a column of labels holds."""
    task_type = get_task_type(task.type)
    if value is None:
        if column.kind == "answers" and task_type.is_labelled({name: column.nothing}):
            raise WrongValue(" is not there; write [] where a question has no answer")
        return column.nothing
    if column.kind == "answers":
        return _KINDS[column.kind](value, _text)
    if column.ids:
        return "" if value == "" and column.kind == "text" else _KINDS[column.kind](value, _id)
    labels = task.row_labels if task_type.fixed_labels else ()
    found = _KINDS[column.kind](value, lambda one: _label(one, labels))
    if column.kind == "texts" and not all(found):
        if any(found):
            place = found.index("")
            raise WrongValue(f"[{place}] is {shown(value[place])}, and others have a label; write its own")  # type: ignore[index]
        return []
    return found


# --- kinds of values -------------------------------------------------------------------------------------------------

_One = Callable[[Any], str]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValue(f" is {shown(value)}, and a text belongs there; {_FORM['text']}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongValue(
            f" is {shown(value)}, which holds half of a surrogate pair; write the whole character"
        ) from None
    return value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _name(value: object) -> str:
    return str(value) if _whole(value) else _text(value)


def _id(value: object) -> str:
    if _whole(value):
        return str(value)
    if not isinstance(value, str) or not value:
        raise WrongValue(f" is {shown(value)}, and an id belongs there; write a text or a number")
    return _text(value)


def _label(value: object, labels: tuple[str, ...]) -> str:
    expected = f"write one of: {shown(', '.join(labels))[1:-1]}" if labels else "write its name or its number"
    if not _whole(value) and not isinstance(value, str):
        raise WrongValue(f" is {shown(value)}, and a label belongs there; {expected}")
    text = str(value)
    if text in labels or (not labels and text != NO_LABEL):
        return _text(text)
    if text in ("", NO_LABEL):
        return ""
    by_number = not any(label.isdecimal() for label in labels)
    if by_number and text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < len(labels):
        return labels[int(text)]
    raise WrongValue(f" is {shown(value)}, which is no label of the task; {expected}")


def _single(value: object, one: _One) -> str:
    return one(value)


def _several(value: object, one: _One) -> list[str]:
    if not isinstance(value, list | tuple):
        raise WrongValue(f" is {shown(value)}, and a list belongs there; {_FORM['texts']}")
    found = []
    for place, item in enumerate(value):
        try:
            found.append(one(item))
        except WrongValue as problem:
            raise WrongValue(f"[{place}]{problem}") from None
    return found


def _answers(value: object, one: _One) -> dict[str, list[Any]]:
    """Both forms of answers as SQuAD's object of lists; answers whose text is empty are placeholders, and left out."""
    if isinstance(value, Mapping):
        texts, starts = value.get("text"), value.get("answer_start")
    elif isinstance(value, list | tuple) and all(isinstance(answer, Mapping) for answer in value):
        texts, starts = ([answer.get(key) for answer in value] for key in ("text", "answer_start"))
    else:
        raise WrongValue(f" is {shown(value)}, and answers belong there; {_FORM['answers']}")
    if not isinstance(texts, list | tuple) or not isinstance(starts, list | tuple) or len(texts) != len(starts):
        raise WrongValue(f" is {shown(value)}, not as many starts as texts; {_FORM['answers']}")
    found: dict[str, list[Any]] = {"text": [], "answer_start": []}
    for place, (text, start) in enumerate(zip(texts, starts, strict=True)):
        try:
            text = one(text)
        except WrongValue as problem:
            raise WrongValue(f"[{place}].text{problem}") from None
        if not text:
            continue
        if isinstance(start, bool) or not isinstance(start, int) or abs(start) >= 2**31:
            raise WrongValue(f"[{place}].answer_start is {shown(start)}; write at which character it starts, from 0")
        found["text"].append(text)
        found["answer_start"].append(start)
    return found


def _image(value: object, one: _One) -> dict[str, Any] | None:
    return image_of(value, None)


_KINDS: Mapping[str, Callable[[Any, _One], Any]] = {
    "text": _single,
    "texts": _several,
    "answers": _answers,
    "image": _image,
}


# --- labels that do not fit ------------------------------------------------------------------------------------------


def has_answers(task_type: TaskType) -> bool:
    """Whether its labels are answers, whose texts alone are scored: where they start matters in training only."""
    return any(column.kind == "answers" for column in task_type.columns.values())


def misfit(task_type: TaskType, row: Row) -> str:
    """In words, of a row that is `TaskType.misplaced`: its label, and why it does not fit."""
    label = next(name for name, column in task_type.columns.items() if column.label)
    lists = [name for name, column in task_type.columns.items() if column.kind == "texts" and not column.label]
    if has_answers(task_type):
        why = "which does not stand there in the context; count characters, not bytes, from 0"
    elif lists and task_type.columns[label].kind == "texts":
        why = f"{len(row[label])} for {len(row[lists[0]])} {lists[0]}; write one for each"
    elif lists:
        why = f"and there are {len(row[lists[0]])} {lists[0]}; write the number of the right one, from 0"
    else:
        why = "which does not fit the row; write the right one"
    return f"{label} is {shown(row[label])}, {why}"
