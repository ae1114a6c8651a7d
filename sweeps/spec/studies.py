"""The studies that come with the project: sweep files in the package, found by name."""

from __future__ import annotations

from pathlib import Path

import sweeps

FOLDER = Path(sweeps.__file__).parent


class UnknownStudy(LookupError):
    """Neither a file nor the name of a study; the message says which studies there are."""


def studies() -> list[str]:
    """Names of the studies."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def sweep_file(file: Path) -> Path:
    """The file to read for what a command was given: `file` itself, or the study of that name.

    Only what is no file and looks like a name (`demo`: no folder, no suffix) is looked up. What is written beside a
    sweep file (its lock) goes by what the command was given, so that for a study it lies in the current folder.

    Raises:
        UnknownStudy: there is no study of that name.
    """
    if file.is_file() or file.suffix or len(file.parts) != 1:
        return file
    if file.name not in studies():
        raise UnknownStudy(f"{file}: no such file, and no study of that name; studies: {', '.join(studies())}")
    return FOLDER / f"{file.name}.yaml"
