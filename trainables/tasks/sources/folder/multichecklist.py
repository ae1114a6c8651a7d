"""MultiCheckList: the suites of XTREME-R as CheckList has written them, a pickle a language (`de_squad_suite.pkl`).

The files in SQuAD's form beside them have no answers. A pickle may call any function when it is loaded, so these are
not: every name in one stands for an inert object, and only lists, texts and numbers are taken out of it. In it a suite
has `tests`, by name; a test has `data`, for each case a list of pairs of passage and question, and `labels`, for each
case a list of answers (marcotcr/checklist, `test_suite.py`, `abstract_test.py`; google-research/xtreme,
`multichecklist/generate_tests.py`).
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.file_forms import unreadable
from trainables.tasks.sources.folder.located import Located, require_file
from trainables.tasks.task import Split, Task

BEHAVIOURS = {
    "A is COMP than B. Who is more / less COMP?": "comparison",
    "Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)?": "intensifiers",
    "size, shape, age, color": "properties",
    "Profession vs nationality": "profession",
    "Animal vs Vehicle": "animal",
    "Animal vs Vehicle v2": "animal-2",
}
"""The part of the test set that each test is, by its name in a suite."""


def suites(folder: Path, task: Task, split: Split, language: str) -> Located:
    name = Path("lang_suites") / f"{language}_squad_suite.pkl"
    file = require_file(task, split, language, folder / "multichecklist" / name, folder / "MultiCheckList" / name)
    return Located((file,), lambda: list(_rows(file)))


def _rows(file: Path) -> Iterator[Row]:
    suite = read_inert(file)
    tests = getattr(suite, "tests", None)
    if not isinstance(tests, Mapping):
        raise DataError(f"{file}: no suite of CheckList; fetch MultiCheckList's lang_suites again")
    if unknown := [name for name in tests if name not in BEHAVIOURS]:
        raise DataError(f"{file}: a test {shown(unknown[0])}, which MultiCheckList has not; fetch lang_suites again")
    for name, test in tests.items():
        for case, (asked, answers) in enumerate(zip(test.data, test.labels, strict=True)):
            for number, ((context, question), answer) in enumerate(zip(asked, answers, strict=True)):
                yield {
                    "id": f"{BEHAVIOURS[name]}-{case}-{number}",
                    "question": str(question),
                    "context": str(context),
                    "answers": {"text": [str(answer)], "answer_start": [max(0, context.find(answer))]},
                    "parts": [BEHAVIOURS[name]],
                }


class Inert(dict[Any, Any]):
    """Stands for whatever a pickle names: it takes any arguments, state and entries, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __call__(self, *_: Any, **__: Any) -> Inert:
        return Inert()

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, Mapping):
                self.__dict__.update({str(name): value for name, value in part.items()})

    def append(self, _: Any) -> None:
        """Of what is a list in the pickle."""

    def extend(self, _: Any) -> None:
        """Of what is a list in the pickle."""

    def add(self, _: Any) -> None:
        """Of what is a set in the pickle."""

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


class _Inertly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[Inert]:
        return Inert

    def persistent_load(self, pid: Any) -> Inert:
        return Inert()


def read_inert(file: Path) -> Any:
    """What a pickle holds, without a call of anything that it names. Raises DataError where it is none."""
    try:
        with file.open("rb") as stream:
            return _Inertly(stream).load()
    except OSError as problem:
        raise unreadable(file, problem) from None
    except Exception as problem:  # a broken pickle may raise anything
        raise DataError(f"{file}: not a pickle of CheckList ({shown(str(problem), 120)}); fetch it again") from None
