"""`xstilts data list | check`: which data there are, looking at what a sweep needs before training.

All of it is for a login node: after `pull` (`sweeps.data.pull`) nothing needs the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sweeps.data.pull import hub_of
from sweeps.data.space_signs import SpaceSignShares
from sweeps.plan.requirements import requirements_of
from sweeps.spec.fields import SweepSpec
from trainables.task_types import get_task_type
from trainables.tasks import Task, all_tasks
from trainables.tasks.lock import read_lock
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import verify
from trainables.tasks.sources.open_source import source_for
from trainables.tasks.task import NOT_STATED, Split
from trainables.tasks.validate import SplitReport, validate

SPLITS: tuple[Split, ...] = ("train", "dev", "test", "pool")
"""Of rows that a sweep cannot do without."""


# --- list ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A task as `data list` shows it; `rows` by split: of English, or of the language that it is in, where known."""

    task: str
    task_type: str
    languages: tuple[str, ...]
    train_languages: tuple[str, ...]
    rows: Mapping[str, int]
    data: str
    source: str
    licence: str


def listed() -> list[Listed]:
    """All tasks that read data of others."""
    found = []
    for task in all_tasks():
        if task.source == "files":
            licence = task.licence or NOT_STATED
            counts = ((split, sum(task.expected_rows.get(split, {}).values())) for split in SPLITS)
            known: dict[str, int] = {split: count for split, count in counts if count}
            found.append(
                Listed(
                    task=task.name,
                    task_type=task.type,
                    languages=task.languages,
                    train_languages=task.train_languages,
                    rows=known,
                    data=licence.data,
                    source=licence.source,
                    licence=licence.terms,
                )
            )
    return found


# --- check -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What `data check` found of one split of a task in a language; `findings` or, if it cannot be read, `problem`.

    `overlap`: rows of an evaluation whose texts, or whose first text, stand in the training rows of the same sweep's
    tasks of the same type.
    """

    task: str
    split: str
    language: str
    origin: str = ""
    findings: SplitReport | None = None
    overlap: int = 0
    problem: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes the rows unfit."""
        return (self.problem,) if self.problem else self.findings.problems if self.findings else ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check_all(spec: SweepSpec, file: Path) -> Iterator[Checked]:
    """Read everything that a sweep needs and say what is in it; training rows first. Raises WrongSpec."""
    revisions = {**read_lock(file).revisions, **spec.revisions}
    needs = sorted(requirements_of(spec, file), key=lambda need: need.split != "train")
    trained: dict[str, set[str]] = {}
    signs = SpaceSignShares(spec)
    for need in needs:
        task, split, language = need.task, need.split, need.language
        known = trained.setdefault(task.type, set())
        try:
            source = source_for(task.source, spec.data_of(task.name), revisions=revisions)
            if (hub := hub_of(spec, need, revisions)) is not None:
                for hub_split in hub.splits(task, split, language):
                    verify(hub_split)
            settled = source.settled(task, split, language)
            origin = source.describe(task, split, language)
        except DataError as problem:
            yield Checked(task.name, split, language, problem=str(problem))
            continue
        findings, overlap = validate(task, split, language, settled), 0
        if split == "test":
            findings = replace(findings, remarks=(*findings.remarks, *signs.remarks(task, settled.rows)))
        if split == "train":
            known.update(_leak_keys(task, settled.rows))
        else:
            overlap = sum(key in known for key in _leak_keys(task, settled.rows))
        yield Checked(task.name, split, language, origin, findings, overlap)


def _leak_keys(task: Task, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of each row the text that training and evaluation must not share, without case and spaces."""
    task_type = get_task_type(task.type)
    for row in rows:
        key = task_type.leak_key(row)
        if key is not None:
            yield "".join(key.casefold().split())
