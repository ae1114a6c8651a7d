"""What is wrong with a task file that its fields alone do not show. Each line names the field and what to do."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from trainables.outside.text import shown
from trainables.task_types import TaskType, UnknownTaskType, get_task_type
from trainables.tasks.benchmarks import BENCHMARKS
from trainables.tasks.files.fields import RowsFields, TaskFields
from trainables.tasks.files.places import format_of, languages_of, wanted
from trainables.tasks.sources.hub.files import is_pattern

TAKEN = ("none", "all", "hub", *BENCHMARKS)
"""Words that mean something else where a sweep file names a task."""
EXTRA_COLUMNS = ("language", "group")
"""Of any type: the language of a row, in files that have several; and what a hold-out keeps together."""


ANSWER = ("text", "answer_start")
"""Of answers: their two parts, which may be columns of their own (`answers.text`)."""


def problems_of(task: TaskFields) -> list[str]:
    """A line for each problem."""
    try:
        task_type = get_task_type(task.type)
    except UnknownTaskType as problem:
        return [f"type: {problem}"]
    if task_type.context:
        return [f"type: {task_type.name} reads more than train, dev and test rows; a task file cannot describe it"]
    tables = (_in_table(task, task_type, i) for i in range(len(task.rows)))
    return list(
        chain(_names(task), _labels(task, task_type), _metric(task, task_type), *tables, _whole(task, task_type))
    )


def _names(task: TaskFields) -> Iterator[str]:
    if task.name in TAKEN:
        yield f"name: {shown(task.name)} means something else in a sweep file; give another one"
    for field in ("train_languages", "labels", "metric", "trains_on"):
        yield from _twice(field, getattr(task, field) or ())
    for i, spelling in enumerate([task.spelling, *(rows.languages or {} for rows in task.rows)]):
        at = "languages" if not i else f"rows[{i - 1}].languages" if len(task.rows) > 1 else "rows.languages"
        for one, (code, *others) in _by_spelling(spelling).items():
            if others:
                yield f"{at}: {code} and {others[0]} are both spelled {shown(one)}, so both would have the same rows"
    for one in task.train_languages[1:] if task.spelling else ():
        if one in task.spelling:
            continue
        yield f"train_languages: {one} is not in languages; add it there, or take it out here"
    for split, counts in task.counts.items():
        for language in counts if isinstance(counts, dict) else ():
            if language not in (*task.spelling, *task.train_languages):
                yield f"counts.{split}: {language} is none of its languages"


def _by_spelling(spelling: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, spelled in spelling.items():
        found.setdefault(spelled, []).append(language)
    return found


def _twice(field: str, values: Iterable[str]) -> Iterator[str]:
    values = tuple(values)
    for one in dict.fromkeys(values):
        if values.count(one) > 1:
            yield f"{field}: {shown(one)} stands there twice; leave one out"


def _labels(task: TaskFields, task_type: TaskType) -> Iterator[str]:
    if task_type.fixed_labels and len(task.labels) < 2:
        yield f"labels: {task_type.name} needs two or more; list them in the order of the head's outputs"
    if not task_type.fixed_labels and task.labels:
        yield f"labels: tasks of type {task_type.name} have no fixed labels; take them out"
    if task.counts_as and task.clean_of is None:
        yield "counts_as: is about a set that another task's model is scored on; give clean_of too, or take it out"
    for label, other in task.counts_as.items():
        if label not in task.labels:
            yield f"counts_as.{label}: is none of the labels; there are: {shown(', '.join(task.labels))[1:-1]}"
        if other in task.counts_as:
            yield f"counts_as.{label}: {shown(other)} counts as another one itself; name what its rows have"
    if task.counts_as and len(task.row_labels) < 2:
        yield f"counts_as: leaves {len(task.row_labels)} label in the rows; two or more have to be told apart"


def _metric(task: TaskFields, task_type: TaskType) -> Iterator[str]:
    there = (*task_type.usual_metrics, *task_type.other_metrics)
    for metric in task.metric or ():
        if there and metric not in there:
            yield f"metric: {task_type.name} has no {shown(metric)}; give {' or '.join(there)}"
    if not there and not task.metric:
        yield f"metric: is missing; say which metric of {task_type.name} is its score"
    if "f1" in (task.metric or ()) and "f1" in task_type.other_metrics and len(task.labels) != 2:
        yield f"metric: f1 is that of the last of two labels, and there are {len(task.labels)}; give accuracy" + (
            " or macro_f1" if "macro_f1" in there else ""
        )


def _in_table(task: TaskFields, task_type: TaskType, i: int) -> Iterator[str]:
    rows = task.rows[i]
    at = f"rows[{i}]" if len(task.rows) > 1 else "rows"
    if not rows.splits():
        yield f"{at}: names no rows; give train, dev or test"
    if rows.hub is None:
        for field in ("revision", "branch", "config"):
            if getattr(rows, field) is not None:
                yield f"{at}.{field}: is about a data set of the hub; give hub too, or take it out"
    elif rows.format is not None or not rows.header:
        field = "format" if rows.format is not None else "header"
        yield f"{at}.{field}: is about files of one's own, and not of the hub; take it out"
    if rows.hub is not None and "language" in rows.columns:
        yield f"{at}.columns.language: is about files of one's own; write {{language}} in config or in the paths"
    for split, places in rows.splits().items():
        for place in places:
            yield from _place(task, rows, f"{at}.{split}", split, place)
    yield from _placeholders(f"{at}.config", rows.config or "")
    yield from _columns(task, task_type, rows, at)
    if rows.hold_out is not None and (rows.train is None or rows.dev is not None):
        yield f"{at}.hold_out: makes dev rows out of train rows; " + (
            "give train too" if rows.train is None else "dev rows are given, so take one of the two out"
        )
    if not rows.header and {_form(rows, place) for place in chain(*rows.splits().values())} - {"csv", "tsv"}:
        yield f"{at}.header: is about csv and tsv; take it out"


def _place(task: TaskFields, rows: RowsFields, at: str, split: str, place: str) -> Iterator[str]:
    yield from _placeholders(at, place)
    languages = languages_of(task, rows, split)
    if rows.config is not None:
        if rows.hub is not None and "/" in place:
            yield f"{at}: is {shown(place)}; with config it is the name of a split, as train"
        elif len(languages) > 1 and "{" not in rows.config + place:
            many = f"{shown(place)} is one split for {len(languages)} languages"
            yield f"{at}: {many}; write {{language}} in config, or in the name of the split"
        return
    if ".." in place.split("/") and rows.hub is not None:
        yield f"{at}: is {shown(place)}; give a path within the data set"
    if rows.hub is not None and len(rows.splits()[split]) > 1:
        yield f"{at}: names several paths; give one with * where they differ"
    form = _form(rows, place)
    if rows.hub is not None and form is not None and not is_pattern(place):
        yield f"{at}: is {shown(place)}; of the hub parquet, csv, tsv, json and jsonl are read; give such a path"
    if form is None and rows.hub is not None and "/" not in place and "." not in place:
        yield f"{at}: is {shown(place)}, the name of a split; give config too (default where it has no other)"
    elif form is None:
        yield f"{at}: the form of {shown(place)} is not known by its end; give format (jsonl, json, csv, tsv, ...)"
    task_type = get_task_type(task.type)
    columns = task_type.columns.values()
    if form == "squad" and not any(one.kind == "answers" for one in columns):
        yield f"{at}: squad is the form of questions, not of {task.type}; give another format"
    if form == "conll" and not any(one.kind == "texts" and one.label for one in columns):
        yield f"{at}: conll is the form of tagged words, not of {task.type}; give another format"
    wanted_lists = (name for name, one in task_type.columns.items() if one.kind == "texts" and not one.may_be_empty)
    lists = list(dict.fromkeys((*wanted_lists, *(name for name in rows.columns if _is_list(task_type, name)))))
    listed = [name for name in lists if not isinstance(rows.columns.get(name, ""), str)]
    if form in ("csv", "tsv") and len(listed) < len(lists):
        yield f"{at}: a field of a table is one text, and {lists[0]} is a list; " + (
            "give format: conll (a word a line)"
            if task_type.columns[lists[-1]].label
            else f"name its columns in columns.{lists[0]}"
        )
    if form is not None and len(languages) > 1 and "{" not in place and "language" not in rows.columns:
        yield (
            f"{at}: {shown(place)} is one file for {len(languages)} languages; write {{language}} where its name "
            "differs, or give columns.language"
        )


def _is_list(task_type: TaskType, name: str) -> bool:
    return name in task_type.columns and task_type.columns[name].kind == "texts"


def _form(rows: RowsFields, place: str) -> str | None:
    return rows.format or format_of(place)


def _placeholders(at: str, text: str) -> Iterator[str]:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        yield f"{at}: is {shown(text)}, whose braces do not match; write {{language}} where the language stands"
        return
    for name in sorted(names - {"language"}):
        yield f"{at}: has {shown('{' + name + '}')}; the only one that is filled in is {{language}}"


def _columns(task: TaskFields, task_type: TaskType, rows: RowsFields, at: str) -> Iterator[str]:
    known = [name for name in task_type.columns if name != "id"]
    parts = [f"{name}.{part}" for name in known if task_type.columns[name].kind == "answers" for part in ANSWER]
    for ours, theirs in rows.columns.items():
        column = task_type.columns.get(ours)
        if column is None and ours not in (*EXTRA_COLUMNS, *parts):
            near = difflib.get_close_matches(ours, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"it has {', '.join(known)}, and there is id"
            yield f"{at}.columns.{ours}: rows of {task_type.name} have no such column; {hint}"
        elif not isinstance(theirs, str) and (column is None or column.label or ours == "id"):
            yield f"{at}.columns.{ours}: is a list; give one column"
        elif not theirs or (not isinstance(theirs, str) and not all(theirs)):
            yield f"{at}.columns.{ours}: is empty; give the name of a column"
    if len(given := [part for part in parts if part in rows.columns]) == 1:
        yield f"{at}.columns: has {given[0]} alone; give both {' and '.join(parts)}"
    for theirs, ours in rows.label_values.items():
        if task.labels and ours not in task.row_labels:
            near = difflib.get_close_matches(ours, task.row_labels, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are: {shown(', '.join(task.row_labels))[1:-1]}"
            yield f"{at}.label_values.{theirs}: {shown(ours)} is none of the labels; {hint}"
        elif not task_type.fixed_labels and not re.fullmatch(r"\d{1,3}", ours):
            yield f"{at}.label_values.{theirs}: is {shown(ours)}; give the position of the right choice, from 0"


def _whole(task: TaskFields, task_type: TaskType) -> Iterator[str]:
    """What the tables lack, or have twice, when they are taken together."""
    has = {split: [rows for rows in task.rows if split in rows.splits()] for split in ("train", "dev", "test")}
    held_out = [rows for rows in task.rows if rows.hold_out is not None]
    if has["train"] and not has["dev"] and not held_out:
        yield "rows: has train and no dev rows, which pick the checkpoint; give dev, or hold_out: 0.1"
    if has["dev"] and not has["train"]:
        yield "rows: has dev and no train rows, and dev rows are for those alone; give train, or take dev out"
    if has["train"] and not task_type.trained:
        yield f"rows: {task_type.name} is not trained; take train and dev out"
    if has["test"] and not task.spelling:
        yield "languages: is missing; give the languages of its test rows"
    if task.spelling and not has["test"] and not task_type.reads_text:
        yield "rows: has no test rows, and languages are those of them; give test, or take languages out"
    for split, tables in has.items():
        found = {one: sum(one in languages_of(task, rows, split) for rows in tables) for one in wanted(task, split)}
        if lacking := [one for one, count in found.items() if tables and not count]:
            yield f"rows: no place has {split} rows in {shown(' '.join(lacking))[1:-1]}; add one, or leave them out"
        if twice := [one for one, count in found.items() if count > 1]:
            yield f"rows: several places have {split} rows in {shown(' '.join(twice))[1:-1]}; leave one of them in one"
