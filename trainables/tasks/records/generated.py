"""The tasks of the generated benchmark. Their rows are made, and use no data but their own."""

from __future__ import annotations

from trainables.generated import LABELS, TAGS, TOPICS, languages_of
from trainables.task_types import Length, get_task_type
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.task import Split, Task

# Short sentences and models of a million parameters.
_SETTINGS = {"own": Defaults(64, 32, 5e-4, 3, source="xstilts")}
_LONG_SETTINGS = {"own": Defaults(128, 32, 5e-4, 3, source="xstilts")}


def _lengths(length: Length) -> dict[Split, Length]:
    """Of any split: counted in the demonstration, with its tokenizer of 600 pieces."""
    return {"train": length, "test": length, "pool": length}


GENERATED = (
    Task(
        name="gen-text",
        type="masked-lm",
        source="generated",
        train_language="one",
        languages=languages_of("gen-text", "train"),
        has_train=True,
        main_metrics=("loss",),
        select_mode="min",
        settings=_SETTINGS,
        lengths=_lengths(Length(20.0)),
    ),
    Task(
        name="gen-nli",
        type="pair-classification",
        source="generated",
        train_language="one",
        languages=languages_of("gen-nli", "test"),
        labels=LABELS,
        trains_on=("gen-nli",),
        has_train=True,
        main_metrics=("accuracy",),
        settings=_SETTINGS,
        lengths=_lengths(Length(17.8)),
    ),
    Task(
        name="gen-tags",
        type="tagging",
        source="generated",
        train_language="one",
        languages=languages_of("gen-tags", "test"),
        labels=TAGS,
        trains_on=("gen-tags",),
        has_train=True,
        main_metrics=("f1",),
        settings=_SETTINGS,
        lengths=_lengths(Length(12.0)),
    ),
    Task(
        name="gen-topic",
        type="text-classification",
        source="generated",
        train_language="one",
        languages=languages_of("gen-topic", "test"),
        labels=TOPICS,
        trains_on=("gen-topic",),
        has_train=True,
        main_metrics=("accuracy",),
        settings=_SETTINGS,
        lengths=_lengths(Length(11.0)),
    ),
    Task(
        name="gen-qa",
        type="span-qa",
        source="generated",
        train_language="one",
        languages=languages_of("gen-qa", "test"),
        trains_on=("gen-qa",),
        has_train=True,
        main_metrics=("f1", "exact_match"),
        settings=_LONG_SETTINGS,
        lengths=_lengths(Length(34.4)),
    ),
    Task(
        name="gen-choice",
        type="multiple-choice",
        source="generated",
        train_language="one",
        languages=languages_of("gen-choice", "test"),
        trains_on=("gen-choice",),
        has_train=True,
        main_metrics=("accuracy",),
        settings=_SETTINGS,
        lengths=_lengths(Length(17.8, sequences=3)),
    ),
    Task(
        name="gen-ask",
        type="dense-retrieval",
        source="generated",
        train_language="one",
        languages=languages_of("gen-ask", "test"),
        trains_on=("gen-ask",),
        has_train=True,
        main_metrics=("map@20",),
        settings=_LONG_SETTINGS,
        lengths=_lengths(Length(9.4, sequences=2)),
    ),
    Task(
        name="gen-mine",
        type="bitext-mining",
        source="generated",
        train_language="one",
        languages=languages_of("gen-mine", "test"),
        has_train=False,
        main_metrics=("f1",),
        lengths=_lengths(Length(9.4)),
    ),
    Task(
        name="gen-images",
        type="image-text",
        source="generated",
        train_language="one",
        languages=languages_of("gen-images", "test"),
        other_train_languages=languages_of("gen-images", "train")[1:],
        trains_on=("gen-images",),
        has_train=True,
        main_metrics=get_task_type("image-text").usual_metrics,
        settings=_SETTINGS,
        lengths=_lengths(Length(9.4)),
    ),
    Task(
        name="gen-pairs",
        type="retrieval",
        source="generated",
        train_language="one",
        languages=languages_of("gen-pairs", "test"),
        has_train=False,
        main_metrics=("accuracy",),
        lengths=_lengths(Length(9.4, features=2.0)),
    ),
)
