"""Where rows of a task lie on the hub.

Files of data are read, never a script: parquet, CSV, TSV, JSON and JSON lines. Where a repository's main branch has a
script alone, they are the parquet files that the hub itself makes of it on the branch ``refs/convert/parquet``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.tasks.sources import Row
from trainables.tasks.sources.columns import Paths
from trainables.tasks.task import Split

MAIN, CONVERTED = "main", "refs/convert/parquet"
ENGLISH = ("en",)


@dataclass(frozen=True, kw_only=True)
class HubTable:
    """One configuration of a hub data set, as splits of a task in some of its languages.

    Attributes:
        dataset: id of the repository.
        config: its configuration; ``{code}`` stands for the language as the data set calls it.
        splits: by the task's split: the data set's, or a pattern of paths in the repository (``data/{code}/test.tsv``);
            ``"a+b"`` reads two, one after the other; ``{code}`` as in `config`.
        languages: the languages that this table has.
        codes: what the data set calls them, where it is not by the code that sweep files use.
        revision: the branch where its files are, of which a commit is pinned; or such a commit.
        columns: path in a record by column of the task type, where they differ (`sources.columns`).
        labels: the task's labels by those of the data set, where they differ.
        class_names: what the classes are called, of columns with numbers of classes whose files do not say it.
        mapper: makes a row of a record, or several, where naming columns and labels does not; those are then not used.
        id_prefix: keep only rows whose id begins so (``{code}`` as in `config`, lowercased), where one split mixes
            languages.
        divided_by: column by whose values the rows of one split are train, dev and test rows (`sources.split_by`).
        group, share: hold out this share of the groups (by this hub column) as dev; the rest is train. For the
            languages of ``held_out``; in others every row is train.
        labelled_only: leave out rows without a label (SNLI has such where the annotators did not agree).
        notes: what a person should know before comparing scores, by split and language.
    """

    dataset: str
    config: str = "default"
    splits: Mapping[Split, str]
    languages: tuple[str, ...] = ENGLISH
    codes: Mapping[str, str] = field(default_factory=dict)
    revision: str = MAIN
    columns: Mapping[str, Paths] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mapper: Callable[[Mapping[str, Any]], Row | list[Row]] | None = None
    id_prefix: str = ""
    divided_by: str = ""
    group: str = ""
    share: float = 0.0
    held_out: tuple[str, ...] = ENGLISH
    labelled_only: bool = False
    notes: Mapping[tuple[Split, str], str] = field(default_factory=dict)

    def place(self, split: Split, language: str) -> tuple[str, tuple[str, ...]]:
        """Configuration, and the data set's splits (or patterns of paths) that a split of the task is read from."""
        theirs = self._filled(self.splits[split], language)
        return self._filled(self.config, language), tuple(theirs.split("+"))

    def prefix(self, language: str) -> str:
        """What the ids of its rows in a language begin with."""
        return self._filled(self.id_prefix, language).lower()

    def holds_out(self, language: str) -> bool:
        """Whether dev rows of the language are held out of the train rows."""
        return bool(self.group) and language in self.held_out

    def _filled(self, pattern: str, language: str) -> str:
        return pattern.replace("{code}", self.codes.get(language, language))
