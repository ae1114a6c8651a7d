"""The fields of a task file. `reading.fields_of` reads and checks them; sweeps/README.md shows them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictStr, field_validator

from trainables.outside.fields import MANY, Code, Count, Place, Positive, Share
from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.task import told_apart

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*")
_DATASET = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
LANGUAGES = 5000
"""Languages of a task, at most."""


def _matching(pattern: re.Pattern[str], mend: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(mend)
        return text

    return AfterValidator(check)


def _word(value: Any) -> Any:
    """A label as text: data sets have `0` and `true` as labels, and YAML reads those as a number and a truth value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _listed(value: Any) -> Any:
    """One word stands for a list of it."""
    return (value,) if isinstance(value, str) else value


def _column(value: Any) -> Any:
    """A column is named, or numbered where a table has no header; several are a list."""
    if isinstance(value, list) and value:
        return tuple(map(_column, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise ValueError("give the name of a column, or a list of names")
    return value


def _spelled(value: Any) -> Any:
    """Languages, each with the data set's own spelling; a list is of languages that it spells as sweep files do."""
    if isinstance(value, list):
        found = {one: one for one in value if isinstance(one, str)}
        if len(found) < len(value):
            raise ValueError("give the code of each language as a text, each once")
        value = found
    for code in value if isinstance(value, dict) else ():
        if not isinstance(code, str) or not _LANGUAGE.fullmatch(code):
            raise ValueError(f"{shown(code)} is no code of a language; write it as de or zh-Hant")
    return value


def _counted(value: Any) -> Any:
    counts = list(value.values()) if isinstance(value, dict) else [value]
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 < one <= MANY for one in counts):
        raise ValueError("give how many rows there are in each language, or a mapping of that by language")
    return value


Text = Annotated[StrictStr, Field(min_length=1, max_length=300)]
Word = Annotated[Text, BeforeValidator(_word)]
TaskName = Annotated[
    Code, _matching(_NAME, "give letters, digits and . _ + - beginning with a letter or a digit, at most 64")
]
Language = Annotated[Code, _matching(_LANGUAGE, "is no code of a language; write it as de or zh-Hant")]
Languages = Annotated[dict[str, Word], BeforeValidator(_spelled), Field(min_length=1, max_length=LANGUAGES)]
Places = Annotated[tuple[Place, ...], BeforeValidator(_listed), Field(min_length=1, max_length=100)]
Counts = Annotated[int | dict[str, int], BeforeValidator(_counted)]
Column = Annotated[str | tuple[str, ...], BeforeValidator(_column)]


class SettingsFields(Frozen):
    """How the task is trained where a sweep says nothing else. Without a field: as the study's toolkit trains."""

    max_length: Annotated[int, Field(strict=True, ge=8, le=1_000_000)] | None = None
    """Subwords of a row; without it 256, of questions 384."""
    batch_size: Count = 32
    learning_rate: Positive = 1e-5
    epochs: Positive = 3
    evaluate_every: Count = 1000
    patience: Count | None = 30
    dev_limit: Count | None = 500
    warmup: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.1
    weight_decay: Annotated[float, Field(strict=True, ge=0, le=1e9)] = 0.01

    def defaults(self, questions: bool) -> Defaults:
        """As a record of a task has them."""
        length = self.max_length or (384 if questions else 256)
        return Defaults(**{**self.model_dump(), "max_length": length}, source="its task file")


class LicenceFields(Frozen):
    """Whose the data are."""

    data: Text | None = None
    source: Text | None = None
    terms: Text


class RowsFields(Frozen):
    """Where some of the rows lie, and how a row is read."""

    hub: Annotated[Code, _matching(_DATASET, "give the id of a data set, owner/name")] | None = None
    """Id of a data set of the hub; without it the rows are in files of one's own."""
    revision: Annotated[Code, _matching(_COMMIT, "give a commit: 40 digits of 0-9 and a-f")] | None = None
    """Its commit; without it the sweep's, or that of its lock file."""
    branch: Text | None = None
    """Where its commit is taken from when it is pulled."""
    config: Text | None = None
    """Its configuration; `train`, `dev` and `test` are then names of its splits, and no paths."""
    train: Places | None = None
    dev: Places | None = None
    test: Places | None = None
    languages: Languages | None = None
    """The languages that these rows have, each with the data set's own spelling; without it, those of the task."""
    format: Literal["jsonl", "json", "csv", "tsv", "conll", "squad", "parquet"] | None = None
    """Form of the files; without it, by the end of their names."""
    header: StrictBool = True
    """Of a table: whether its first line names the columns; else they are called 0, 1, 2, ..."""
    columns: dict[Text, Column] = Field(default_factory=dict, max_length=50)
    """Column of the data, or dotted path into one, by column of the task type; several are joined by blanks, or are the
    entries of a list."""
    label_values: dict[Word, Word] = Field(default_factory=dict, max_length=10_000)
    """Label of the task by label of the data, where they differ; a list has the labels of class numbers, from 0."""
    hold_out: Share | None = None
    """Share of the `train` rows that are the dev rows."""

    @field_validator("label_values", mode="before")
    @classmethod
    def _by_number(cls, value: Any) -> Any:
        return dict(enumerate(value)) if isinstance(value, list) else value

    def splits(self) -> dict[str, tuple[str, ...]]:
        """Names of splits, or paths, by split of the task."""
        given = {"train": self.train, "dev": self.dev, "test": self.test}
        return {split: places for split, places in given.items() if places is not None}


class TaskFields(Frozen):
    """A task."""

    name: TaskName
    type: Text
    languages: Languages | None = None
    """The languages of its test rows, each with the data set's own spelling where that differs; of text, all."""
    train_languages: Annotated[
        tuple[Language, ...], BeforeValidator(_listed), Field(min_length=1, max_length=LANGUAGES)
    ] = ("en",)
    """The languages of its train rows. The first is what targets are trained in, and has the dev rows."""
    labels: Annotated[tuple[Word, ...], BeforeValidator(_listed), Field(max_length=10_000)] = ()
    """In the order of the head's outputs."""
    metric: Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1, max_length=10)] | None = None
    """What its score is, of several the mean; without it, the usual one of its type."""
    rows: Annotated[tuple[RowsFields, ...], Field(max_length=100)]
    """One place, or a list of places."""
    trains_on: Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1, max_length=10)] | None = None
    """Tasks that a target of this name is trained on, one after the other; without it, on its own train rows."""
    clean_of: Text | None = None
    """Of a perturbed or adversarial test set: the task whose test rows it was made of; rows keep the ids of those."""
    counts_as: dict[Word, Word] = Field(default_factory=dict, max_length=10_000)
    """Of such a set, whose rows do not tell all labels apart: what a label counts as there, in rows and when scored."""
    settings: SettingsFields = SettingsFields()
    counts: dict[Literal["train", "dev", "test"], Counts] = Field(default_factory=dict)
    """Rows that there should be, in each language; `data check` compares."""
    licence: LicenceFields | None = None

    @field_validator("rows", mode="before")
    @classmethod
    def _one_place(cls, value: Any) -> Any:
        if value == []:
            raise ValueError("is empty; say where its rows lie")
        return [value] if isinstance(value, dict) else value

    @field_validator("licence", mode="before")
    @classmethod
    def _terms_alone(cls, value: Any) -> Any:
        return {"terms": value} if isinstance(value, str) else value

    @property
    def row_labels(self) -> tuple[str, ...]:
        """The labels that its rows have."""
        return told_apart(self.labels, self.counts_as)

    @property
    def spelling(self) -> dict[str, str]:
        """The languages of its test rows, each with the data set's own spelling."""
        return self.languages or {}
