"""A distracting sentence in contexts of question answering, from the context of another question.

After Jia and Liang (2017, "Adversarial Examples for Evaluating Reading Comprehension Systems"), but unlike that of
their AddSent the sentence is about something else, and is not made to look like the question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from trainables.perturbations.draw import Draw

_BETWEEN = re.compile(r"(?<=[.!?؟۔।॥።։])\s+|(?<=[。！？｡])")
LENGTHS = range(8, 400)
"""Characters of a sentence that is put into a context. In a script without signs between sentences, such as Thai, what
stands between two blanks is taken."""
_NO_SIGNS = re.compile(r"[\u0e00-\u0eff]")


def with_distractors(rows: Sequence[Mapping[str, Any]], strength: float, draw: Draw) -> list[dict[str, Any]]:
    """The rows, each of which has with a probability of `strength` a sentence more, before or behind its context.

    It is of another context, stands nowhere in this one, and has none of the row's answers in it (compared without
    case, after NFKC). A row for which there is no such sentence stays.
    """
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    sentences = [(context, one, _plain(one)) for context in contexts for one in sentences_of(context)]
    new = []
    for row in rows:
        here, row = draw.within(row["id"]), dict(row)
        found = None
        if sentences and here.share("whether") < strength:
            found = _sentence(row, sentences, here.below(len(sentences), "sentence"))
        if found is not None:
            before = here.share("where") < 0.5
            row["context"] = f"{found} {row['context']}" if before else f"{row['context']} {found}"
            starts = [start + (len(found) + 1) * before for start in row["answers"]["answer_start"]]
            row["answers"] = {**row["answers"], "answer_start": starts}
        new.append(row)
    return new


def sentences_of(context: str) -> list[str]:
    """Its sentences that are neither very short nor very long."""
    found = context.split() if _NO_SIGNS.search(context) else _BETWEEN.split(context)
    return [one for part in found if len(one := part.strip()) in LENGTHS]


def _sentence(row: Mapping[str, Any], sentences: list[tuple[str, str, str]], first: int) -> str | None:
    """The first that will do, beginning with number `first`."""
    answers = [plain for text in row["answers"]["text"] if (plain := _plain(text))]
    for number in range(len(sentences)):
        context, sentence, plain = sentences[(first + number) % len(sentences)]
        if context != row["context"] and sentence not in row["context"] and not any(one in plain for one in answers):
            return sentence
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
