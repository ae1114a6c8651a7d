"""`xstilts data pull`: everything that a sweep needs of the hub, at pinned commits; and a list of what it has not.

What can be had is fetched whatever else cannot, and the lock file is written after every split. So a pull that was
interrupted, or that lacks something, goes on at the next call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeps.plan.requirements import SplitRequirement, models_of, requirements_of, towers_of
from sweeps.spec.fields import SweepSpec
from trainables.tasks import Task
from trainables.tasks.lock import Lock, read_lock, write_lock
from trainables.tasks.sources import DataError
from trainables.tasks.sources.folder.source import files_wanted
from trainables.tasks.sources.hub.files import HubFile, HubSplit, Unreachable, pull, pulled, resolve
from trainables.tasks.sources.hub.models import pull_model, pull_tower
from trainables.tasks.sources.hub.source import HubSource, NotOnHub
from trainables.tasks.sources.open_source import source_for
from trainables.tasks.task import NOT_STATED

NAMED = 3
"""Data sets, splits, languages or places that a line names, before it counts the others."""


@dataclass(frozen=True)
class Pulled:
    """Something that is there now: what, its size in bytes, and whether it was there before."""

    what: str
    size: int
    before: bool


@dataclass(frozen=True)
class Missing:
    """Something that could not be had: in one line what, why, and what to do."""

    line: str


class Puller:
    """Fetches what a sweep needs.

    Commits come from the sweep file, else from the lock file, else from the hub. What is there already is not fetched
    again.

    Raises:
        WrongSpec: the sweep cannot be planned.
        DataError: its lock file is none.
    """

    def __init__(self, spec: SweepSpec, file: Path) -> None:
        self._spec, self._file, self._lock = spec, file, read_lock(file)
        self._revisions = {**self._lock.revisions, **spec.revisions}
        self._needs = requirements_of(spec, file)
        self._unreachable = False
        self._untried: dict[str, None] = {}

    def pull(self) -> Iterator[Pulled | Missing]:
        """Fetch one after the other; at the end what is missing."""
        splits, missing = self._hub_splits()
        yield from self._pull_splits(splits, missing)
        models = [(name, commit, "model", pull_model) for name, commit in models_of(self._spec).items()]
        towers = [(name, commit, "vision tower", pull_tower) for name, commit in towers_of(self._spec).items()]
        for name, commit, what, fetch_it in (*models, *towers):
            if self._unreachable:
                self._untried[name] = None
                continue
            try:
                yield Pulled(f"{name} ({what})", fetch_it(name, commit), before=False)
            except DataError as problem:
                missing.append(self._noted(problem))
        if self._untried:
            names = _listed(list(self._untried), ", ")
            missing.append(f"not tried, because the hub could not be reached: {names}; run this again")
        yield from map(Missing, missing)

    def _hub_splits(self) -> tuple[list[HubSplit], list[str]]:
        """What is to be pulled; and lines on what is not on the hub."""
        splits: dict[HubSplit, None] = {}
        absent: dict[Task, list[SplitRequirement]] = {}
        failed: dict[str, str] = {}
        for need in self._needs:
            if (source := hub_of(self._spec, need, self._revisions)) is None:
                continue
            try:
                branches = source.branches(need.task, need.split, need.language)
            except NotOnHub:
                absent.setdefault(need.task, []).append(need)
                continue
            for dataset, branch in branches.items():
                if dataset not in self._revisions and dataset not in failed:
                    self._resolve(dataset, branch, failed)
            if branches.keys() <= self._revisions.keys():
                found = HubSource(self._revisions).splits(need.task, need.split, need.language)
                splits |= dict.fromkeys(found)
        return list(splits), [*(_to_bring(task, needs) for task, needs in absent.items()), *failed.values()]

    def _resolve(self, dataset: str, branch: str, failed: dict[str, str]) -> None:
        if self._unreachable:
            self._untried[dataset] = None
            return
        try:
            self._revisions[dataset] = resolve(dataset, branch)
        except DataError as problem:
            failed[dataset] = self._noted(problem)

    def _pull_splits(self, splits: list[HubSplit], missing: list[str]) -> Iterator[Pulled]:
        lock, revisions = self._lock, self._revisions
        used = {split.dataset for split in splits}
        kept = {key: one for key, one in revisions.items() if key in used}
        files = {key: dict(one) for key, one in lock.files.items() if revisions[key] == lock.revisions.get(key)}
        failed: dict[tuple[str, str], list[str]] = {}
        for split in splits:
            before = pulled(split) is not None
            if self._unreachable and not before:
                self._untried[split.dataset] = None
                continue
            try:
                found = [file for file, _ in pull(split)]
                self._compare(split, found)
            except DataError as problem:
                why = self._noted(problem).removeprefix(f"{split}: ")
                failed.setdefault((split.dataset, why), []).append(split.name)
                continue
            files.setdefault(split.dataset, {}).update({one.name: one for one in found})
            write_lock(self._file, Lock(kept, files))
            yield Pulled(f"{split.dataset} {split.name}", sum(one.size for one in found), before)
        missing += [f"{dataset}, {_listed(names, ', ')}: {why}" for (dataset, why), names in failed.items()]

    def _compare(self, split: HubSplit, found: list[HubFile]) -> None:
        """What the lock has of a file at this commit must be what came."""
        same = self._lock.revisions.get(split.dataset) == split.commit
        locked = self._lock.files.get(split.dataset, {}) if same else {}
        for one in found:
            if one.name in locked and locked[one.name] != one:
                raise DataError(
                    f"{split}: {one.name} has SHA-256 {one.sha256[:12]}, the lock file has "
                    f"{locked[one.name].sha256[:12]}; restore the lock file that the numbers were made with, or remove "
                    "it and pull again"
                )

    def _noted(self, problem: DataError) -> str:
        self._unreachable |= isinstance(problem, Unreachable)
        return str(problem)


def hub_of(spec: SweepSpec, need: SplitRequirement, revisions: Mapping[str, str]) -> HubSource | None:
    """The hub, if that is where these rows come from."""
    source = source_for(need.task.source, spec.data_of(need.task.name), revisions=revisions)
    return source if isinstance(source, HubSource) else None


def _to_bring(task: Task, needs: Sequence[SplitRequirement]) -> str:
    """A line on rows that are not on the hub: which, from where to get them, where to put them."""
    languages: dict[str, list[str]] = {}
    for need in needs:
        languages.setdefault(need.split, []).append(need.language)
    which = "; ".join(f"{split} {_listed(of, ' ')}" for split, of in languages.items())
    place = files_wanted(task, needs[0].split, needs[0].language, Path("FOLDER"))[0]
    rest = ", with all its other rows," if task.hub else ""
    return (
        f"{task.name} ({which}): not on the hub; get it ({(task.licence or NOT_STATED).source}), put it{rest} into a "
        f"folder of yours ({place}) and write data: {{all: hub, {task.name}: FOLDER}}"
    )


def _listed(names: list[str], between: str) -> str:
    more = len(names) - NAMED
    return between.join(names[:NAMED]) + (f"{between}and {more} more" if more > 0 else "")
