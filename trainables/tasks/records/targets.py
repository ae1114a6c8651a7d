"""The tasks that a study evaluates on: those of XTREME and what XTREME-R adds.

Languages are all there are: XTREME's in its order, then those that XTREME-R adds (see
:mod:`trainables.tasks.benchmarks` for what each benchmark evaluates in).
"""

from __future__ import annotations

from trainables.tasks.benchmarks import (
    BUCC,
    LAREQA,
    MEWSLIX,
    MLQA,
    PANX,
    PANX_R,
    PAWSX,
    TATOEBA,
    TATOEBA_R,
    TYDIQA,
    UDPOS,
    UDPOS_R,
    UDPOS_UNTRAINED,
    XCOPA,
    XNLI,
    XQUAD,
    XQUAD_R,
)
from trainables.tasks.records.shapes import (
    CHOICE,
    DENSE,
    MINING,
    NLI,
    PAIRS,
    PANX_LABELS,
    PARAPHRASE_LABELS,
    REAL,
    RETRIEVAL,
    SPAN_QA,
    TAGGING,
    UPOS_LABELS,
)
from trainables.tasks.task import Task


def _others(languages: tuple[str, ...], *but: str) -> tuple[str, ...]:
    return tuple(language for language in languages if language not in ("en", *but))


TARGETS = (
    Task(
        name="xnli",
        **REAL,
        **NLI,
        languages=XNLI,
        trains_on=("mnli",),
        has_train=False,
    ),
    Task(
        name="pawsx",
        **REAL,
        **PAIRS,
        languages=PAWSX,
        other_train_languages=_others(PAWSX),
        labels=PARAPHRASE_LABELS,
        trains_on=("pawsx",),
        has_train=True,
    ),
    Task(
        name="udpos",
        **REAL,
        **TAGGING,
        languages=UDPOS + UDPOS_R,
        other_train_languages=_others(UDPOS + UDPOS_R, *UDPOS_UNTRAINED),
        labels=UPOS_LABELS,
        trains_on=("udpos",),
        has_train=True,
    ),
    Task(
        name="panx",
        **REAL,
        **TAGGING,
        languages=PANX + PANX_R,
        other_train_languages=_others(PANX + PANX_R),
        labels=PANX_LABELS,
        trains_on=("panx",),
        has_train=True,
    ),
    Task(
        name="xquad",
        **REAL,
        **SPAN_QA,
        languages=XQUAD + XQUAD_R,
        trains_on=("squad",),
        has_train=False,
    ),
    Task(
        name="mlqa",
        **REAL,
        **SPAN_QA,
        languages=MLQA,
        trains_on=("squad",),
        has_train=False,
        scorer="mlqa",
    ),
    Task(
        name="tydiqa",
        **REAL,
        **SPAN_QA,
        languages=TYDIQA,
        other_train_languages=_others(TYDIQA),
        trains_on=("tydiqa",),
        has_train=True,
    ),
    Task(
        name="bucc2018",
        **REAL,
        **MINING,
        languages=BUCC,
        has_train=False,
    ),
    Task(name="tatoeba", **REAL, **RETRIEVAL, languages=TATOEBA + TATOEBA_R, has_train=False),
    Task(
        name="xcopa",
        **REAL,
        **CHOICE,
        languages=XCOPA,
        trains_on=("siqa", "copa"),
        has_train=False,
    ),
    Task(
        name="lareqa",
        **REAL,
        **DENSE,
        languages=LAREQA,
        trains_on=("lareqa",),
        has_train=True,
    ),
    Task(
        name="mewslix",
        **REAL,
        **DENSE,
        languages=MEWSLIX,
        trains_on=("mewslix",),
        has_train=True,
    ),
)
