"""The lock file, in whose versions the tests run and the image is built, and how a node differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cluster.requirements import PROJECT, name_of, needs


class NoLock(ValueError):
    """A file is no lock file; the message is one line."""


def read_lock(path: Path) -> dict[str, Requirement]:
    """The pinned packages of a pip constraints file, by their normalised names.

    Raises NoLock where it cannot be read, or a line pins nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoLock(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})") from None
    pins = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            pin = Requirement(text)
        except InvalidRequirement:
            raise NoLock(f"{path}: line {number}: {text[:60]!r} is no pin; write NAME==VERSION") from None
        pins[str(canonicalize_name(pin.name))] = pin
    return pins


def departures(packages: Mapping[str, str], lock: Mapping[str, Requirement]) -> list[str]:
    """How what is installed differs from the lock, an item each: another version, or a package that the project needs
    and that is missing. What only one of the two has beyond that makes no difference.

    Args:
        packages: version of each installed distribution.
        lock: of `read_lock`. A pin without a local version (`2.13.0`) holds for all of them (`2.13.0+cpu`).
    """
    installed = {str(canonicalize_name(name)): version for name, version in packages.items()}
    needed = {str(canonicalize_name(name)) for name in map(name_of, needs())}
    found = []
    for name in sorted({*installed, *needed} - {PROJECT, "pip", "setuptools", "wheel"}):
        version, pin = installed.get(name), lock.get(name)
        if version is None:
            found.append(f"{name} missing")
        elif pin is not None and not pin.specifier.contains(version, prereleases=True):
            found.append(f"{name} {version}, lock {str(pin.specifier).removeprefix('==')}")
    return found
