"""Types of fields whose values come from outside, with their bounds; and what pydantic finds, as lines with a mend."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from trainables.outside.text import bounded, shown

MANY = 10**9
"""More than there is of anything that is counted: updates, rows, subwords."""
LONGEST = 120
"""Characters of a name, at most: it becomes part of the names of files."""

# Strict: `true` is no number, and neither is "1".
Count = Annotated[int, Field(strict=True, gt=0, le=MANY)]
"""A whole number from 1."""
CountOrZero = Annotated[int, Field(strict=True, ge=0, le=MANY)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
"""What every generator of random numbers takes as a seed."""
Positive = Annotated[float, Field(strict=True, gt=0, le=1e9)]
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
"""From 0, and less than 1."""
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
"""Between 0 and 1."""


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("input should be a number")
    return value


NoTruth = BeforeValidator(_no_truth)
"""Of a literal number: `true` is equal to 1, but not meant."""
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def _plain_name(text: str) -> str:
    if not _PLAIN.fullmatch(text) or len(text) > LONGEST:
        raise ValueError(
            f'is no name: give letters, digits, "_", "." and "-" (the last two not first), at most {LONGEST} of them'
        )
    return text


def _label(text: str) -> str:
    if not text.strip() or len(text) > LONGEST or text.startswith("-") or text in (".", "..") or not text.isprintable():
        raise ValueError(f'is no name: give at most {LONGEST} characters that can be printed, no "-" first')
    return text


def _one_line(text: str) -> str:
    if set("\n\r\t") & set(text):
        raise ValueError("has a tab or the end of a line in it; take it out")
    return text


Name = Annotated[str, AfterValidator(_plain_name)]
"""A name that becomes a folder, a file or a part of an address."""
Label = Annotated[str, AfterValidator(_label)]
"""A name that is shown, and looked up."""
Place = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_one_line)]
"""A path or an address."""
Code = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_one_line)]
"""A language as a data set calls it, or another short word that is looked up."""
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=200)]
"""A commit, a tag or a branch of the hub."""


def explained(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """What pydantic found wrong, a line each: the field, what was found, and what there could be.

    Args:
        model: the class whose fields were read.
    """
    lines, problems = [], error.errors()
    for problem in problems:
        if problem["type"] == "too_short" and any(_within(one["loc"], problem["loc"]) for one in problems):
            continue  # those of its values that are wrong are not counted
        where, found = field_path(problem["loc"]), shown(problem["input"])
        if problem["type"] == "extra_forbidden" or (problem["loc"] and _is_misspelt(problem, model)):
            known = [name for one in _models_at(model, problem["loc"][:-1]) for name in one.model_fields]
            near = difflib.get_close_matches(str(problem["loc"][-1])[:LONGEST], known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(known))}"
            line = f"{where}: unknown field; {hint}"
        elif problem["type"] == "missing":
            line = f"{where}: this field is missing"
        elif problem["type"] in ("too_short", "string_too_short"):
            line = f"{where}: is empty; give {'at least one' if problem['type'] == 'too_short' else 'a value'}"
        elif problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
            line = f"{where}: input should be a mapping of fields (found {found})"
        else:
            message = problem["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
            line = f"{where}: {message[0].lower()}{message[1:]} (found {found})"
        lines.append(bounded(line))
    return lines


def _within(loc: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def field_path(loc: tuple[int | str, ...]) -> str:
    """A place in nested fields, as in `targets[0].task`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return bounded(text, LONGEST)


def _is_misspelt(problem: Any, model: type[BaseModel]) -> bool:
    """Whether a value without fields stands where mappings of any name may, under a name that is nearly a field's."""
    *outer, last = problem["loc"]
    there = [one for one in _models_at(model, tuple(outer)) if one.model_config.get("extra") == "allow"]
    known = [name for one in there for name in one.model_fields]
    near = difflib.get_close_matches(str(last)[:LONGEST], known, n=1)
    return problem["type"] == "model_type" and bool(near) and last not in known


def _models_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> set[type[BaseModel]]:
    """What may stand at a place. Positions and keys of a mapping are passed over."""
    models = {model}
    for part in loc:
        fields = [one.model_fields[str(part)] for one in models if part in one.model_fields]
        models = {inner for field in fields for inner in _models_in(field.annotation)} or models
    return models


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {inner for part in get_args(annotation) for inner in _models_in(part)}
