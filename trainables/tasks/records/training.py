"""The tasks that are training data only: intermediates, what targets are trained on, and small stand-ins."""

from __future__ import annotations

from trainables.tasks.benchmarks import XNLI, XQUAD
from trainables.tasks.records.shapes import CHOICE, DENSE, NLI, PAIRS, PARAPHRASE_LABELS, REAL, SPAN_QA, TAGGING
from trainables.tasks.task import Task

TRAINING = (
    Task(
        name="mnli",
        **REAL,
        **NLI,
        languages=(),
        other_train_languages=tuple(language for language in XNLI if language != "en"),
        has_train=True,
    ),
    Task(name="snli", **REAL, **NLI, languages=(), has_train=True),
    Task(name="anli", **REAL, **NLI, languages=(), has_train=True),
    Task(
        name="anli+",
        **REAL,
        **NLI,
        languages=(),
        parts=("anli", "mnli", "snli"),
        has_train=True,
    ),
    Task(
        name="qqp",
        **REAL,
        # As in GLUE: the mean of accuracy and F1.
        **{**PAIRS, "main_metrics": ("accuracy", "f1"), "select_metric": "score"},
        languages=(),
        labels=PARAPHRASE_LABELS,
        has_train=True,
    ),
    Task(
        name="paws",
        **REAL,
        **PAIRS,
        languages=(),
        labels=PARAPHRASE_LABELS,
        has_train=True,
    ),
    Task(
        name="squad",
        **REAL,
        **SPAN_QA,
        languages=(),
        # XTREME translated it into the languages of XQuAD.
        other_train_languages=tuple(language for language in XQUAD if language != "en"),
        has_train=True,
    ),
    Task(
        name="squad2",
        **REAL,
        **{**SPAN_QA, "type": "span-or-none"},
        languages=(),
        has_train=True,
    ),
    Task(name="hellaswag", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="cosmosqa", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="commonsenseqa", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="siqa", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="copa", **REAL, **CHOICE, languages=(), has_train=True),
    Task(
        name="ccg",
        **REAL,
        **{**TAGGING, "main_metrics": ("accuracy",), "select_metric": "accuracy"},
        languages=(),
        labels_in_data=True,
        has_train=True,
    ),
    # Small stand-ins for studies on a laptop: for MNLI, PAWS, SQuAD (to read, and to retrieve sentences of), and for
    # sets of which only the dev set is at hand.
    Task(name="snli-cad", **REAL, **NLI, languages=(), has_train=True),
    Task(name="squadshifts", **REAL, **SPAN_QA, languages=(), has_train=True),
    Task(name="squadshifts-sentences", **REAL, **DENSE, languages=(), has_train=True),
    Task(name="xnli-dev", **REAL, **NLI, languages=(), has_train=True),
    Task(name="pawsx-dev", **REAL, **PAIRS, languages=(), labels=PARAPHRASE_LABELS, has_train=True),
    Task(name="hellaswag-dev", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="cosmosqa-dev", **REAL, **CHOICE, languages=(), has_train=True),
    Task(name="siqa-dev", **REAL, **CHOICE, languages=(), has_train=True),
)
