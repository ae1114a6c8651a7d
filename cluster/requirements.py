"""Whether the Python of a cluster has what this project needs. Nothing is installed there: a node may reach no index.

    python3 -m cluster.requirements NEEDS       exit code 0, or 2 and one line

It runs before everything else of a submitted sweep, by whatever Python the node has, so it imports the standard library
alone until all packages are there.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

PROJECT = "xstilts"
PACKAGES = ("sweeps", "trainables", "cluster")
OLDEST = (3, 11)
LINE = 300


def needs() -> list[str]:
    """What the project that runs here needs, as pip writes it: of the checkout that it lies in, else as installed; none
    where it is neither."""
    import tomllib  # which a Python that is too old has not

    file = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if file.is_file():
        return list(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"])
    try:
        return [one for one in requires(PROJECT) or [] if "extra ==" not in one]
    except PackageNotFoundError:
        return []


def here(names: Iterable[str]) -> dict[str, str]:
    """The installed version of each of these packages that there is."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def name_of(requirement: str) -> str:
    """The package that a requirement is about.

    >>> name_of("ray[default,train]>=2.60,<3")
    'ray'
    """
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None, requirement
    return found[0]


def unmet(requirements: Iterable[str]) -> list[str]:
    """What of these is not here, or in a version that does not fit, an item each."""
    wanted = {name_of(one): one for one in requirements}
    found = here(wanted)
    items = [f"{name} is missing" for name in wanted if name not in found]
    if not items:
        from packaging.requirements import Requirement

        for name, text in wanted.items():
            if not Requirement(text).specifier.contains(found[name], prereleases=True):
                items.append(f"{name} is {found[name]}, needed {Requirement(text).specifier}")
    return items


def main() -> None:
    """Compare this Python with the needs in the file that the command line names: `requirements` and `versions`."""
    said = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    old = [f"Python is {platform.python_version()}, needed {'.'.join(map(str, OLDEST))}"] * (sys.version_info < OLDEST)
    items = old or unmet(said["requirements"])
    if items:
        line = (
            f"{platform.node()}: start Ray in an environment with the packages of this project, whose python3 is the "
            f"first on PATH: {sys.executable}: {', '.join(items)}"
        )
        print(line if len(line) <= LINE else f"{line[: LINE - 3]}...")
        sys.exit(2)
    found = here(said["versions"])
    other = [f"{name} {found[name]} ({its})" for name, its in said["versions"].items() if found[name] != its]
    if platform.python_version() != said["python"]:
        other.insert(0, f"Python {platform.python_version()} ({said['python']})")
    if other:
        print(f"versions here, and in brackets where it was submitted: {', '.join(other)}")


if __name__ == "__main__":
    main()
