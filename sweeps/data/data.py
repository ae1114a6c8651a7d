"""`xstilts data list | pull | check`: which data there are, fetching what a sweep needs, looking at it before training.

All of it is for a login node: after `pull` nothing needs the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeps.plan.requirements import SplitRequirement, models_of, requirements_of
from sweeps.spec.fields import SweepSpec
from trainables.task_types import get_task_type
from trainables.tasks import Task, all_tasks
from trainables.tasks.lock import Lock, read_lock, write_lock
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import HubFile, HubSplit, pull, pull_model, pulled, resolve, verify
from trainables.tasks.sources.hub.source import HubSource
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


# --- pull ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pulled:
    """Something that is there now: what, its size in bytes, and whether it was there before."""

    what: str
    size: int
    before: bool


def pull_all(spec: SweepSpec, file: Path) -> Iterator[Pulled]:
    """Fetch what a sweep needs of the hub, one after the other, and keep commits and checksums in its lock file.

    Commits come from the sweep file, else from the lock, else from the hub. What is there already is not fetched again,
    so a pull that was interrupted goes on. The lock is written after every data set.

    Raises:
        WrongSpec: the sweep cannot be planned.
        DataError: something cannot be had; what was pulled until then stays.
    """
    lock = read_lock(file)
    revisions, files = {**lock.revisions, **spec.revisions}, {key: dict(one) for key, one in lock.files.items()}
    needs = requirements_of(spec, file)
    hub_splits: dict[HubSplit, None] = {}
    for need in needs:
        source = _hub_of(spec, need, revisions)
        if source is None:
            continue
        for dataset, branch in source.branches(need.task, need.split, need.language).items():
            if dataset not in revisions:
                revisions[dataset] = resolve(dataset, branch)
        source = HubSource(revisions)
        hub_splits |= dict.fromkeys(source.splits(need.task, need.split, need.language))
    used = {hub_split.dataset for hub_split in hub_splits}
    files = {dataset: kept for dataset, kept in files.items() if revisions[dataset] == lock.revisions.get(dataset)}
    for hub_split in hub_splits:
        before = pulled(hub_split) is not None
        found = pull(hub_split)
        files.setdefault(hub_split.dataset, {}).update({one.name: one for one, _ in found})
        _compare(hub_split, lock, [one for one, _ in found])
        write_lock(file, Lock({key: one for key, one in revisions.items() if key in used}, files))
        yield Pulled(
            f"{hub_split.dataset} {hub_split.config} {hub_split.split}", sum(one.size for one, _ in found), before
        )
    for name, commit in models_of(spec).items():
        yield Pulled(f"{name} (model)", pull_model(name, commit), before=False)


def _compare(hub_split: HubSplit, lock: Lock, found: list[HubFile]) -> None:
    """What the lock has of a file at this commit must be what came."""
    locked = lock.files.get(hub_split.dataset, {}) if lock.revisions.get(hub_split.dataset) == hub_split.commit else {}
    for one in found:
        if one.name in locked and locked[one.name] != one:
            raise DataError(
                f"{hub_split}: {one.name} has SHA-256 {one.sha256[:12]}, the lock file has "
                f"{locked[one.name].sha256[:12]}; "
                "restore the lock file that the numbers were made with, or remove it and pull again"
            )


def _hub_of(spec: SweepSpec, need: SplitRequirement, revisions: Mapping[str, str]) -> HubSource | None:
    """The hub, if that is where these rows come from."""
    source = source_for(need.task.source, spec.data_of(need.task.name), revisions=revisions)
    return source if isinstance(source, HubSource) else None


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
    needs = sorted(requirements_of(spec, file), key=lambda need: SPLITS.index(need.split))
    trained: dict[str, set[str]] = {}
    for need in needs:
        task, split, language = need.task, need.split, need.language
        known = trained.setdefault(task.type, set())
        try:
            source = source_for(task.source, spec.data_of(task.name), revisions=revisions)
            if (hub := _hub_of(spec, need, revisions)) is not None:
                for hub_split in hub.splits(task, split, language):
                    verify(hub_split)
            rows = source.rows(task, split, language)
            origin = source.describe(task, split, language)
        except DataError as problem:
            yield Checked(task.name, split, language, problem=str(problem))
            continue
        findings, overlap = validate(task, split, language, rows), 0
        if split == "train":
            known.update(_leak_keys(task, rows))
        else:
            overlap = sum(key in known for key in _leak_keys(task, rows))
        yield Checked(task.name, split, language, origin, findings, overlap)


def _leak_keys(task: Task, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of each row the text that training and evaluation must not share, without case and spaces."""
    task_type = get_task_type(task.type)
    for row in rows:
        key = task_type.leak_key(row)
        if key is not None:
            yield "".join(key.casefold().split())
