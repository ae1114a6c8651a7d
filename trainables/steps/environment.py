"""What made a result: the code, the versions, the machine. Stands in every record, and is never hashed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from trainables.recipe.canonical import Frozen
from trainables.recipe.execution import Execution

PROJECT = "xstilts"
PACKAGES = ("torch", "deepspeed", "transformers", "datasets", "tokenizers", "numpy")
SHIPPED = "XSTILTS_CODE"
"""Environment variable of a cluster's processes whose code was sent there: which code it is, as JSON."""
ROOT = Path(__file__).resolve().parents[2]
"""The folder that the packages lie in: of a checkout, or `site-packages`."""


class Code(Frozen):
    """The code that runs: a commit of a checkout, or an installed version. What is not known is None."""

    version: str | None = None
    commit: str | None = None
    """Of the checkout that the code lies in."""
    dirty: bool | None = None
    """Whether the sources differ from `commit`."""
    url: str | None = None
    """What was installed, where that is no release of an index (PEP 610): a folder, an archive, a repository."""

    def __str__(self) -> str:
        if self.commit is not None:
            return f"commit {self.commit[:12]}{' with uncommitted changes' * bool(self.dirty)}"
        if self.version is None:
            return "version unknown"
        return f"version {self.version}{f' from {self.url}' if self.url else ''}"


class Environment(Frozen):
    """Where a step was carried out."""

    python: str
    host: str
    device: str
    """Name of the GPU, or `cpu`."""
    code: Code
    packages: dict[str, str]
    """Version of each package that can change a number."""


def environment(execution: Execution) -> Environment:
    """The environment of this process, as a worker of a step."""
    return Environment(
        python=platform.python_version(),
        host=platform.node(),
        device=_device(execution),
        code=_running(),
        packages=_versions(),
    )


@cache
def _running() -> Code:
    """The code of this process, which was read when it began."""
    return code()


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def code(root: Path = ROOT) -> Code:
    """The code that lies in `root`.

    A commit counts only where `root` is the top of a checkout of this project. A repository that merely lies around
    an installed copy (an environment in some other project's folder) says nothing of this code. What was sent to a
    cluster is what it was where it was sent from.
    """
    if SHIPPED in os.environ:
        return Code.model_validate_json(os.environ[SHIPPED])
    return _checked_out(root) or _installed(root)


def _checked_out(root: Path) -> Code | None:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] != PROJECT or Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return None
        _git(root, "ls-files", "--error-unmatch", "trainables/__init__.py")
        changes = _git(root, "status", "--porcelain", "--", "sweeps/*.py", "trainables/*.py", "cluster/*.py")
        return Code(version=project["version"], commit=_git(root, "rev-parse", "HEAD"), dirty=bool(changes))
    except (OSError, subprocess.SubprocessError, tomllib.TOMLDecodeError, KeyError):
        return None


def _git(root: Path, *words: str) -> str:
    # Inside a hook of git, its variables name another repository.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ("git", *words), cwd=root, env=environ, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _installed(root: Path) -> Code:
    try:
        found = distribution(PROJECT)
    except PackageNotFoundError:
        return Code()
    text = found.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    url = origin.get("url")
    editable = origin.get("dir_info", {}).get("editable", False)
    place = url if editable else Path(str(found.locate_file(""))).resolve().as_uri()
    if place != root.resolve().as_uri():
        return Code()  # what is installed is another copy than the one that runs
    return Code(version=found.version, url=url)


def _device(execution: Execution) -> str:
    import torch

    return torch.cuda.get_device_name() if execution.gpus_per_worker and torch.cuda.is_available() else "cpu"
