"""Tasks of GLUE beside MNLI and QQP: QNLI, RTE, SST-2. Their dev sets stand in for test sets, which have no labels."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.sources.folder.glue import DEV_AS_TEST, glue
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Split, Task

ENTAILED = ("entailment", "not_entailment")


def _task(
    name: str,
    release: str,
    labels: tuple[str, ...],
    columns: dict[str, str],
    rows: tuple[int, int],
    epochs: float,
    length: float,
    licence: Licence,
) -> Task:
    counts: dict[Split, dict[str, int]] = {"train": {"en": rows[0]}, "dev": {"en": rows[1]}, "test": {"en": rows[1]}}
    return Task(
        name=name,
        type="pair-classification" if len(columns) == 2 else "text-classification",
        languages=("en",),
        labels=labels,
        trains_on=(name,),
        has_train=True,
        main_metrics=("accuracy",),
        folder=glue(release, **columns),
        hub=(
            HubTable(
                dataset="nyu-mll/glue",
                config=name,
                splits={"train": "train", "dev": "validation", "test": "validation"},
                columns=columns,
                notes={("test", "en"): DEV_AS_TEST},
            ),
        ),
        settings={"own": Defaults(128, 32, 1e-5, epochs, source="xstilts")},
        expected_rows=counts,
        lengths={"train": Length(length), "test": Length(length)},
        licence=licence,
    )


GLUE = (
    _task(
        "qnli",
        "QNLI",
        ENTAILED,
        {"text_a": "question", "text_b": "sentence"},
        (104_743, 5463),
        3,
        56.2,  # as AdvGLUE's rows, measured
        Licence(
            data="QNLI as in GLUE: questions of SQuAD with sentences of their passages",
            source="gluebenchmark.com; hub `nyu-mll/glue` (`qnli`)",
            terms="SQuAD: CC BY-SA 4.0",
        ),
    ),
    _task(
        "rte",
        "RTE",
        ENTAILED,
        {"text_a": "sentence1", "text_b": "sentence2"},
        (2490, 277),
        10,
        81.2,  # as AdvGLUE's rows, measured
        Licence(
            data="RTE 1, 2, 3 and 5 as in GLUE",
            source="gluebenchmark.com; hub `nyu-mll/glue` (`rte`)",
            terms="not stated",
        ),
    ),
    _task(
        "sst2",
        "SST-2",
        ("negative", "positive"),
        {"text": "sentence"},
        (67_349, 872),
        3,
        28.1,  # as AdvGLUE's rows, measured
        Licence(
            data="Stanford Sentiment Treebank, two classes, as in GLUE",
            source="gluebenchmark.com; hub `nyu-mll/glue` (`sst2`)",
            terms="not stated",
        ),
    ),
)
