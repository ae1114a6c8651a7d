"""Where rows of a task lie on the hub.

Only parquet files are read, never a script. Where a repository's main branch has none, they are those that the hub
itself makes of it on the branch ``refs/convert/parquet``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.tasks.languages import ISO3, NAMES
from trainables.tasks.sources import Row
from trainables.tasks.task import Split

MAIN, CONVERTED = "main", "refs/convert/parquet"
ENGLISH = ("en",)


@dataclass(frozen=True, kw_only=True)
class HubTable:
    """One configuration of a hub data set, as splits of a task in some of its languages.

    Attributes:
        dataset: id of the repository.
        config: its configuration; ``{code}`` stands for the language's two letters, ``{iso3}`` for its three and
            ``{name}`` for its English name.
        splits: the data set's split by the task's; ``"a+b"`` reads two, one after the other.
        languages: the languages that this table has.
        branch: where its parquet files are; a commit that is pinned is one of this branch.
        columns: hub column by column of the task type, where they differ. Class numbers become their names.
        mapper: makes a row of a record, where renaming columns does not; ``columns`` is then not used.
        id_prefix: keep only rows whose id begins so (same placeholders, lowercased), where one split mixes languages.
        group, share: hold out this share of the groups (by this hub column) as dev; the rest is train. For the
            languages of ``held_out``; in others every row is train.
        labelled_only: leave out rows without a label (SNLI has such where the annotators did not agree).
        notes: what a person should know before comparing scores, by language.
    """

    dataset: str
    config: str
    splits: Mapping[Split, str]
    languages: tuple[str, ...] = ENGLISH
    branch: str = MAIN
    columns: Mapping[str, str] = field(default_factory=dict)
    mapper: Callable[[Mapping[str, Any]], Row] | None = None
    id_prefix: str = ""
    group: str = ""
    share: float = 0.0
    held_out: tuple[str, ...] = ENGLISH
    labelled_only: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)

    def filled(self, language: str) -> tuple[str, str]:
        """Configuration and id prefix for a language."""
        names = {"code": language, "iso3": ISO3.get(language, language), "name": NAMES.get(language, language)}
        return self.config.format(**names), self.id_prefix.format(**names).lower()

    def holds_out(self, language: str) -> bool:
        """Whether dev rows of the language are held out of the train rows."""
        return bool(self.group) and language in self.held_out
