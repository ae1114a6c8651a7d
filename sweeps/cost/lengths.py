"""How many rows a split has and how long they are, where nothing is prepared yet: for estimates of cost alone.

Lengths are means, special tokens included, of up to 400 rows per language as the task types encode them with XLM-R's
tokenizer at the study's maximal lengths (256; QA 384; vectors 512). "Measured": on the task's own rows, in English for
train, and the mean over all languages at hand for test. The rest is taken from the nearest of kin, which is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from trainables.task_types import Length, get_task_type
from trainables.tasks.expected import EXPECTED
from trainables.tasks.hyperparameters import alias_of
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.open_source import source_at
from trainables.tasks.task import Split

_TRAIN: Mapping[str, Length] = {
    "xnli": Length(43.0),  # measured on the English dev rows; MNLI is the same kind of text
    "mnli": Length(43.0),
    "snli": Length(32.5),  # measured on SNLI's dev rows and their revisions
    "anli": Length(110.0),  # as Cosmos QA: premises of several sentences, over hypotheses
    "anli+": Length(44.3),  # its parts by their rows
    "qqp": Length(32.5),  # as SNLI
    "paws": Length(64.1),
    "pawsx": Length(64.1),  # measured on the English dev rows
    "udpos": Length(26.0),  # measured
    "panx": Length(14.2),  # measured
    "ccg": Length(33.0),  # newspaper sentences of 23.5 words, at NTREX's subwords per word
    "squad": Length(194.5, features=1.01),  # measured on SQuADShifts
    "squad2": Length(194.5, features=1.01),
    "tydiqa": Length(157.7, features=1.04),  # measured
    "hellaswag": Length(91.4, sequences=4),  # measured on the dev rows
    "cosmosqa": Length(116.8, sequences=4),  # measured on the dev rows
    "commonsenseqa": Length(23.3, sequences=5),  # measured (of three choices)
    "siqa": Length(34.9, sequences=3),  # measured on the dev rows
    "copa": Length(25.5, sequences=2),  # measured
    "lareqa": Length(110.5, sequences=2),  # measured on SQuADShifts
    "mewslix": Length(64.0, sequences=2),  # its rows are as long as its settings let them be
}
_TEST: Mapping[str, Length] = {
    "xnli": Length(45.3),  # measured, and so all without a comment
    "pawsx": Length(67.5),
    "udpos": Length(33.1),
    "panx": Length(17.7),
    "xquad": Length(228.4, features=1.09),
    "mlqa": Length(228.4, features=1.09),  # as XQuAD
    "tydiqa": Length(161.0, features=1.05),
    "bucc2018": Length(26.4),
    "tatoeba": Length(11.1, features=2.0),
    "xcopa": Length(27.3, sequences=2),
    "lareqa": Length(17.9),
    "mewslix": Length(64.0),
}
_POOL: Mapping[str, Length] = {"lareqa": Length(226.9), "mewslix": Length(64.0)}
# Of the generated tasks any split: counted in the demonstration, with its tokenizer of 600 pieces.
_GENERATED: Mapping[str, Length] = {
    "gen-text": Length(20.0),
    "gen-nli": Length(17.8),
    "gen-tags": Length(12.0),
    "gen-qa": Length(34.4),
    "gen-choice": Length(17.8, sequences=3),
    "gen-pairs": Length(9.4, features=2.0),
    "gen-ask": Length(9.4, sequences=2),
    "gen-mine": Length(9.4),
}
# Not what a check of data should insist on: counts without a readable source, or less rows that this project holds out.
_ROWS: Mapping[tuple[str, Split], Mapping[str, int]] = {
    ("ccg", "train"): {"en": 38_015},  # remembered, as the next
    ("ccg", "dev"): {"en": 5_484},
    ("tydiqa", "train"): {"en": 3_346},
    ("tydiqa", "dev"): {"en": 350},
    ("lareqa", "train"): {"en": 87_599},
    ("lareqa", "dev"): {"en": 10_570},
    # Both sides; remembered from the shared task's overview (Zweigenbaum et al. 2018), where zh is as expected.
    ("bucc2018", "dev"): {"de": 72_947, "fr": 81_055, "ru": 118_225, "zh": 22_213},
    ("bucc2018", "test"): {"de": 813_206, "fr": 641_684, "ru": 1_019_254, "zh": 183_497},
    ("snli-cad", "train"): {"en": 25_403},  # counted, as all that follow
    ("squadshifts", "train"): {"en": 7_190},
    ("squadshifts-sentences", "train"): {"en": 7_190},
    ("xnli-dev", "train"): {"en": 1_962},
    ("pawsx-dev", "train"): {"en": 1_604},
    ("hellaswag-dev", "train"): {"en": 9_076},
    ("cosmosqa-dev", "train"): {"en": 2_673},
    ("siqa-dev", "train"): {"en": 1_754},
}
UNKNOWN_ROWS: Mapping[Split, int] = {"train": 50_000, "dev": 2_000, "test": 2_000, "pool": 50_000}
"""Assumed where no source says how many."""


def expected_length(task: str, task_type: str, split: Split, max_length: int) -> Length:
    """Of the rows of a split, as a step reads them that cuts sequences at `max_length`."""
    table = {"test": _TEST, "pool": _POOL}.get(split, _TRAIN)
    of_type = get_task_type(task_type)
    length = table.get(task) or table.get(alias_of(task)) or _GENERATED.get(task) or of_type.usual_length
    if of_type.learns_from_translations:  # of any text
        length = of_type.usual_length
    if length.subwords <= max_length:
        return length
    return Length(float(max_length), length.sequences, length.features)


def expected_rows(task: str, split: Split, language: str, revision: str) -> int | None:
    """Rows of a split in a language; where only its other languages are known, their mean; None if unknown.

    `revision` is that of the recipe's rows; of generated ones it says how many there are.
    """
    if task.startswith("gen-"):
        source = source_at("generated", None, revision)
        assert isinstance(source, GeneratedSource)
        return source.count(task, split, language)
    counts = {**EXPECTED.get((task, split), {}), **_ROWS.get((task, split), {})}
    if language in counts:
        return counts[language]
    return round(sum(counts.values()) / len(counts)) if counts else None
