"""Pairs of sentences that mean the same or not: PAWS-X and PAWS, QQP, and a small stand-in."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.benchmarks import PAWSX
from trainables.tasks.hyperparameters import Defaults, jiant
from trainables.tasks.records.notation import each, without
from trainables.tasks.sources.folder import pairs
from trainables.tasks.sources.folder.glue import DEV_AS_TEST
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Split, Task

LABELS = ("0", "1")
_COLUMNS = {"text_a": "sentence1", "text_b": "sentence2"}
_PAWSX_LICENCE = Licence(
    data="PAWS-X, 7 languages, with its English and translated training sets",
    source="google-research-datasets/paws; hub `google-research-datasets/paws-x`",
    terms="may be freely used for any purpose",
)
_SETTINGS = {
    "jiant": jiant(256, 32, 1e-5, 5, "released"),
    "xtreme": Defaults(128, 32, 2e-5, 5, 100, warmup=0.0, weight_decay=0.0, source="xtreme, train_pawsx.sh"),
}
_LENGTHS: dict[Split, Length] = {"train": Length(64.1), "test": Length(67.5)}  # measured; train on the English dev rows

PARAPHRASE = (
    Task(
        name="pawsx",
        type="pair-classification",
        languages=PAWSX,
        other_train_languages=without(PAWSX),
        labels=LABELS,
        trains_on=("pawsx",),
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.pawsx,
        hub=(
            HubTable(
                dataset="google-research-datasets/paws-x",
                config="{code}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                languages=PAWSX,
                columns=_COLUMNS,
            ),
        ),
        settings=_SETTINGS,
        expected_rows={"train": {"en": 49_401}, "dev": {"en": 2000}, "test": each(PAWSX, 2000)},
        lengths=_LENGTHS,
        licence=_PAWSX_LICENCE,
    ),
    Task(
        name="paws",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.paws,
        hub=(
            HubTable(
                dataset="google-research-datasets/paws",
                config="labeled_final",
                splits={"train": "train", "dev": "validation"},
                columns=_COLUMNS,
            ),
        ),
        settings=_SETTINGS,
        expected_rows={"train": {"en": 49_401}, "dev": {"en": 8000}},
        lengths=_LENGTHS,
        licence=Licence(
            data="PAWS-Wiki, labelled (final)",
            source="google-research-datasets/paws; hub `google-research-datasets/paws` (`labeled_final`)",
            terms="may be freely used for any purpose",
        ),
    ),
    Task(
        name="qqp",
        type="pair-classification",
        languages=("en",),
        labels=LABELS,
        trains_on=("qqp",),
        has_train=True,
        main_metrics=("accuracy", "f1"),  # as in GLUE: their mean
        folder=pairs.qqp,
        hub=(
            HubTable(
                dataset="nyu-mll/glue",
                config="qqp",
                splits={"train": "train", "dev": "validation", "test": "validation"},
                columns={"text_a": "question1", "text_b": "question2"},
                notes={("test", "en"): DEV_AS_TEST},
            ),
        ),
        settings={"jiant": jiant(256, 24, 1e-5, 3, "remembered")},
        expected_rows={"train": {"en": 363_846}, "dev": {"en": 40_430}, "test": {"en": 40_430}},
        lengths={"train": Length(32.5), "test": Length(32.5)},  # as SNLI
        licence=Licence(
            data="Quora Question Pairs as in GLUE",
            source="gluebenchmark.com; hub `nyu-mll/glue` (`qqp`)",
            terms="Quora's terms: non-commercial use",
        ),
    ),
    # A small stand-in for studies on a laptop.
    Task(
        name="pawsx-dev",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.pawsx_dev,
        hub=(
            HubTable(
                dataset="google-research-datasets/paws-x",
                config="en",
                splits={"train": "validation", "dev": "validation"},
                columns=_COLUMNS,
                group="sentence1",
                share=pairs.PAWSX_DEV_DEV,
            ),
        ),
        settings=_SETTINGS,
        estimated_rows={"train": {"en": 1_604}},  # counted
        lengths=_LENGTHS,
        licence=_PAWSX_LICENCE,
    ),
)
