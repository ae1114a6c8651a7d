"""Writes predictions, and labels, in the layout that `layout` reads and that the reference evaluator reads.

Everything is ASCII where JSON allows it: the reference opens files in the machine's own encoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.suites.definitions import DEPTH, Layout, SuiteTask
from trainables.suites.layout import file_of
from trainables.suites.manifest import Written, sha256_of

Values = Sequence[tuple[str, Any]]


def write_predictions(
    folder: Path,
    task: SuiteTask,
    language: str,
    ids: Sequence[str],
    predictions: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> Written:
    """Write the predictions of a language.

    Args:
        folder: the folder of all tasks.
        ids: of the examples, in the order of the test set, which is the order of the rows (Tatoeba: `tatoeba_order`).
        predictions: by id. labels: one of the task's; indices: the row of the candidate, an integer from 0; tags: a
            list of them; pairs: the id of the other sentence, or None for no pair; choices: an integer from 0;
            answers: a text; ranked: ids of candidates, the best first, of which `DEPTH` are written.
        origin: what they came from, for the manifest.

    Raises:
        ValueError: the task has no such language, an example has no prediction or one that the layout cannot hold.
    """
    return _write(folder, task, language, ids, predictions, origin, _PREDICTIONS)


def write_labels(
    folder: Path,
    task: SuiteTask,
    language: str,
    ids: Sequence[str],
    labels: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> Written:
    """Write what is right of a language, for scoring: as `write_predictions`, but answers are lists of accepted texts,
    pairs are lists of ids, and ranked are all right candidates (Mewsli-X: the one)."""
    return _write(folder, task, language, ids, labels, origin, _LABELS)


def _write(
    folder: Path,
    task: SuiteTask,
    language: str,
    ids: Sequence[str],
    values: Mapping[str, Any],
    origin: Mapping[str, Any],
    formats: Mapping[Layout, Callable[[SuiteTask, Values], str]],
) -> Written:
    if language not in task.languages:
        raise ValueError(f'{task.name} has no language "{language}"; it has {" ".join(task.languages)}')
    if len(set(ids)) < len(ids):
        raise ValueError(f"{task.name}, {language}: two examples have the same id; predictions are by id")
    missing = [name for name in ids if name not in values]
    if missing:
        raise ValueError(
            f"{task.name}, {language}: {len(missing)} of {len(ids)} examples have no prediction, {missing[0]!r} first; "
            "a submission needs the whole test set"
        )
    rows = [(name, values[name]) for name in ids if task.layout != "pairs" or values[name] is not None]
    try:
        text = formats[task.layout](task, rows)
    except Unfit as problem:
        raise ValueError(f"{task.name}, {language}: {problem}") from None
    path = file_of(folder, task, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return Written(
        task=task.name,
        language=language,
        file=path.relative_to(folder).as_posix(),
        rows=len(rows),
        sha256=sha256_of(path) or "",
        origin=origin,
    )


def tatoeba_order(english: Sequence[str]) -> list[int]:
    """In which order XTREME's test files have the English sentences of a language's pairs: sorted, equal ones as they
    were. The other language's stay in their order; so the right index of a row is where it stood before.

    Args:
        english: the sentences as LASER has them, each the translation of the other language's in the same place.

    Returns:
        Positions in ``english``, the first row's first.
    """
    return sorted(range(len(english)), key=lambda row: english[row].strip())


class Unfit(ValueError):
    """A value that a layout cannot hold."""


def _labels(task: SuiteTask, rows: Values) -> str:
    return _lines(_line(name, value, task.labels) for name, value in rows)


def _indices(task: SuiteTask, rows: Values) -> str:
    return _lines(str(_number(name, value)) for name, value in rows)


def _tags(task: SuiteTask, rows: Values) -> str:
    for name, tags in rows:
        if isinstance(tags, str) or not tags:
            raise Unfit(f"example {name!r} is {tags!r}; a sentence is a list of tags, at least one")
    return "\n".join(_lines(_line(name, tag, task.labels) for tag in tags) for name, tags in rows)


def _pairs(task: SuiteTask, rows: Values) -> str:
    return _lines(f"{_line(name, name, ())}\t{_line(name, other, ())}" for name, other in rows)


def _right_pairs(task: SuiteTask, rows: Values) -> str:
    return _pairs(task, [(name, other) for name, others in rows for other in others])


def _choices(task: SuiteTask, rows: Values) -> str:
    return _lines(json.dumps({"label": _number(name, value)}) for name, value in rows)


def _answers(task: SuiteTask, rows: Values) -> str:
    for name, text in rows:
        if not isinstance(text, str):
            raise Unfit(f"example {name!r} is {text!r}; an answer is a text")
    return _object(dict(rows))


def _ranked(task: SuiteTask, rows: Values) -> str:
    return _object({name: _candidates(name, value)[:DEPTH] for name, value in rows})


def _right_candidates(task: SuiteTask, rows: Values) -> str:
    return _object({name: _candidates(name, value) for name, value in rows})


def _squad(task: SuiteTask, rows: Values) -> str:
    questions = []
    for name, texts in rows:
        if isinstance(texts, str) or not texts or not all(isinstance(text, str) for text in texts):
            raise Unfit(f"example {name!r} has the answers {texts!r}; they are a list of texts, at least one")
        questions.append({"id": name, "answers": [{"text": text} for text in texts]})
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [{"qas": questions}]}]}, indent=1) + "\n"


_PREDICTIONS: Mapping[Layout, Callable[[SuiteTask, Values], str]] = {
    "labels": _labels,
    "indices": _indices,
    "tags": _tags,
    "pairs": _pairs,
    "choices": _choices,
    "answers": _answers,
    "ranked": _ranked,
}
_LABELS = {**_PREDICTIONS, "answers": _squad, "pairs": _right_pairs, "ranked": _right_candidates}


def _object(by_id: Mapping[str, Any]) -> str:
    if "data" in by_id:
        raise Unfit('an example has the id "data", and what stands under "data" is read as the whole file')
    return "".join(
        ("{", ",".join(f"\n {json.dumps(name)}: {json.dumps(value)}" for name, value in by_id.items()), "\n}\n")
    )


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, value: Any, among: Sequence[str]) -> str:
    """`value` as (a column of) a line: it must read back as it was written."""
    if among and value not in among:
        raise Unfit(f"example {name!r} is {value!r}; expected one of {', '.join(among)}")
    if not isinstance(value, str) or not value or value != value.strip() or any(c in value for c in "\t\n\r"):
        raise Unfit(f"example {name!r} is {value!r}; expected a text on one line, without white space around it")
    return value


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unfit(f"example {name!r} is {value!r}; expected an integer from 0")
    return value


def _candidates(name: str, value: Any) -> list[str]:
    if isinstance(value, str) or not value or not all(isinstance(one, str) for one in value):
        raise Unfit(f"example {name!r} is {value!r}; expected a list of candidate ids, at least one")
    return list(value)
