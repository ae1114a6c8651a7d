"""Files of the hub at a pinned commit: found, downloaded, checked, and found again without a network.

Files lie in the hub client's own cache (``HF_HOME``), which has to be one that the workers see. A download is whole
only when its list stands beside them (``xstilts/COMMIT/CONFIG.SPLIT.json`` in the cache folder of the data set): the
files, their sizes and their checksums. After that nothing here asks the network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from urllib.parse import quote

from trainables.outside.text import escaped
from trainables.tasks.sources import DataError

FORMS = (".parquet", ".csv", ".tsv", ".jsonl", ".json")
"""Ends of the names of data files that are read."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Unreachable(DataError):
    """The hub does not answer, or nothing can be stored: what comes next would fail as well."""


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit, which never moves, and no branch."""
    return _COMMIT.fullmatch(revision) is not None


def is_pattern(split: str) -> bool:
    """Whether a split is given as a pattern of paths, and not by its name."""
    return split.endswith(FORMS)


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a data set: its path in the repository, its size in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class HubSplit:
    """One split of one configuration of a data set at a commit; or the files whose paths fit a pattern (`split`)."""

    dataset: str
    commit: str
    config: str
    split: str

    def __str__(self) -> str:
        return f"{self.dataset}, {self.name} at {self.commit[:12]}"

    @property
    def name(self) -> str:
        """What a person calls it within its data set."""
        return self.split if is_pattern(self.split) else f"{self.config} {self.split}"

    @property
    def list(self) -> Path:
        """Where the list of its files stands once they are all there."""
        from huggingface_hub import constants

        folder = Path(constants.HF_HUB_CACHE) / f"datasets--{self.dataset.replace('/', '--')}"
        return folder / "xstilts" / self.commit / f"{self.config}.{quote(self.split, safe='')}.json"


def resolve(dataset: str, branch: str) -> str:
    """The commit that a branch of a data set is at now. Asks the network; DataError."""
    if is_commit(branch):
        return branch
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(dataset, revision=branch).sha
    except Exception as problem:  # the client lets those of its transport through, which are no OSErrors
        raise _failed(f"{dataset}: cannot look up its branch {branch}", problem, f"datasets/{dataset}") from problem
    if commit is None:
        raise DataError(f"{dataset}: the hub tells no commit for {branch}; pin one in the sweep file")
    return commit


def pulled(hub_split: HubSplit) -> tuple[tuple[HubFile, Path], ...] | None:
    """Its files and where they lie, if they are all there; ``None`` if they have to be pulled. Asks no network."""
    from huggingface_hub import try_to_load_from_cache

    try:
        files = [HubFile(**one) for one in json.loads(hub_split.list.read_text())]
    except (OSError, ValueError, TypeError):
        return None
    found = []
    for file in files:
        path = try_to_load_from_cache(hub_split.dataset, file.name, revision=hub_split.commit, repo_type="dataset")
        if not isinstance(path, str) or Path(path).stat().st_size != file.size:
            return None
        found.append((file, Path(path)))
    return tuple(found)


def pull(hub_split: HubSplit) -> tuple[tuple[HubFile, Path], ...]:
    """Download its files, those that are not there yet, and check them against the hub's checksums.

    Raises:
        DataError: the hub does not answer, has no such commit or files, or what came is not what it has.
    """
    if (there := pulled(hub_split)) is not None:
        return there
    wanted = partial(data_files, config=hub_split.config, split=hub_split.split)
    found = fetch(hub_split.dataset, "dataset", hub_split.commit, str(hub_split), wanted)
    hub_split.list.parent.mkdir(parents=True, exist_ok=True)
    new = hub_split.list.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps([asdict(file) for file, _ in found], indent=1) + "\n")
    new.replace(hub_split.list)
    return tuple(found)


def fetch(
    repository: str, kind: str, commit: str, what: str, wanted: Callable[[Iterable[str]], list[str]]
) -> list[tuple[HubFile, Path]]:
    """Download files of a repository at a commit, those that are not there yet, and check them.

    Args:
        kind: "dataset" or "model".
        what: how an error calls them.
        wanted: which of all names are to be had; none is an error.

    Raises:
        DataError: the hub does not answer, has no such commit or files, or what came is not what it has.
    """
    from huggingface_hub import HfApi, hf_hub_download

    try:
        ask = HfApi().dataset_info if kind == "dataset" else HfApi().model_info
        listed = ask(repository, revision=commit, files_metadata=True).siblings or []
        sums = {one.rfilename: one.lfs.sha256 if one.lfs else None for one in listed}
        names = wanted(sums)
        if not names:
            raise DataError(f"{what}: there are no files of it that can be read; {_folders(sums)}")
        found = []
        for name in names:
            path = Path(hf_hub_download(repository, name, repo_type=kind, revision=commit))
            digest = _checked(f"{what}: {name}", path, sums[name])
            found.append((HubFile(name=name, size=path.stat().st_size, sha256=digest), path))
    except DataError:
        raise
    except Exception as problem:  # see `resolve`
        page = f"{'datasets/' if kind == 'dataset' else ''}{repository}"
        raise _failed(f"{what}: cannot be downloaded", problem, page) from problem
    return found


def verify(hub_split: HubSplit) -> None:
    """Read its pulled files again and compare their checksums. Raises DataError."""
    for file, path in pulled(hub_split) or ():
        _checked(f"{hub_split}: {file.name}", path, file.sha256)


def data_files(names: Iterable[str], config: str, split: str) -> list[str]:
    """Those of a repository's files that hold a split: as data sets are uploaded, or as the hub converts them; or whose
    paths fit a pattern."""
    names = sorted(names)
    if is_pattern(split):
        return [name for name in names if fnmatchcase(name, split)]
    folders = [f"{config}/", "data/", ""] if config == "default" else [f"{config}/"]
    for form in FORMS:
        for folder in folders:
            for end in (f"-*-of-*{form}", f"/*{form}", form):
                if found := [name for name in names if fnmatchcase(name, f"{folder}{split}{end}")]:
                    return found
    return []


def _checked(what: str, path: Path, expected: str | None) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if expected is not None and digest != expected:
        # The client would take the damaged file for good: the file and what it links to have to go.
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise DataError(f"{what}: its SHA-256 is {digest[:12]}, the hub says {expected[:12]}; removed, pull it again")
    return digest


def _folders(names: Iterable[str]) -> str:
    folders = sorted({name.rpartition("/")[0] or "its top" for name in names if name.endswith(FORMS)})
    shown = ", ".join(folders[:6]) + (f" and {len(folders) - 6} more" if len(folders) > 6 else "")
    return f"its data files are in: {shown}" if folders else f"it has no {', '.join(FORMS)} at all at this commit"


def _failed(what: str, problem: BaseException, page: str) -> DataError:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    mends = {  # the first that fits
        GatedRepoError: f"accept its licence at https://huggingface.co/{page}, then set HF_TOKEN",
        RepositoryNotFoundError: "there is none of this name that may be read: check the name, or set HF_TOKEN",
        RevisionNotFoundError: "it has no such revision: pin one that it has",
        HFValidationError: "that is no name of a repository: owner/name",
        HfHubHTTPError: "the hub answers so: try again later, or use a folder",
    }
    mend = next((mend for kind, mend in mends.items() if isinstance(problem, kind)), None)
    said = escaped(str(problem).partition("\n")[0])[:100]
    if mend is not None:
        return DataError(f"{what} ({said}); {mend}")
    # What is neither an answer nor a wrong name comes of the client's transport, or of a disk that is full.
    return Unreachable(f"{what} ({said}); check the network and the space in {_cache()}, or use a folder")


def _cache() -> str:
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)
