"""How MultiCheckList (Ruder et al. 2021) compares answers, and the rate of its test cases that fail.

The definition is that of google-research/xtreme (Apache-2.0), `multichecklist/generate_test_utils.py` and
`test_models.py`: an answer is right when it is the expected one but for articles of its language, which become blanks,
and for commas, full stops and blanks at both ends; letters keep their case. A test case has one to many questions and
fails when one of them is answered wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

SCORER = "multichecklist"
"""Name of this way to score, in the record of a task."""
_WORDS = {
    "de": "ein eine einen", "el": "Ο ένα μια", "en": "a an the in at", "es": "un una unos unas el la los las",
    "eu": "bat", "fa": "یک", "fr": "un une le la en", "hu": "egy", "it": "un una", "nl": "een", "pt": "um uma",
    "tl": "Si", "tr": "bir", "vi": "một", "wo": "dafa", "yo": "kan",
}  # fmt: skip
"""Articles, and what else is taken off as such, where they are words."""
_BEGINNINGS = {"bn": "একটি একজন", "hi": "एक", "ml": "ഒരു", "mr": "एक", "my": "တစ်ဦး", "pa": "ਇੱਕ ਇਕ", "ta": "ஒரு"}
"""Of other languages: where they may be the beginning of a word, too."""
_ANYWHERE = {"af": r"’n\b", "ar": "ال"}
_ENDS = {"bn": "৷", "hi": "৷", "pa": "।", "pl": "„”", "ur": "\u200f"}
"""Further signs that are taken off both ends."""


def normaliser(language: str) -> Callable[[str], str]:
    """The normalisation of answers in a language."""
    ends = ",. " + _ENDS.get(language, "")
    pattern = _articles(language)
    if pattern is None:
        return lambda text: text.strip(ends)
    articles = re.compile(pattern)
    return lambda text: articles.sub(" ", text).strip(ends)


def _articles(language: str) -> str | None:
    if language in _WORDS:
        return rf"\b(?:{_WORDS[language].replace(' ', '|')})\b"
    if language in _BEGINNINGS:
        return rf"\b(?:{_BEGINNINGS[language].replace(' ', '|')})"
    return _ANYWHERE.get(language)


def case_of(row: str) -> str:
    """The test case of a row: what stands before the last dash of its id.

    >>> case_of("comparison-17-3")
    'comparison-17'
    """
    return row.rpartition("-")[0]


def failure_rate(
    answered: Iterable[tuple[str, str, Sequence[str]]], normalise: Callable[[str], str]
) -> dict[str, float]:
    """`failure_rate`: the test cases that have a wrong answer, in percent of all.

    Args:
        answered: of each question its row, the predicted text and those that are right.
    """
    passed: dict[str, bool] = {}
    for row, text, accepted in answered:
        right = normalise(text) in map(normalise, accepted)
        passed[case_of(row)] = passed.get(case_of(row), True) and right
    return {"failure_rate": 100.0 * (1 - sum(passed.values()) / len(passed))}
