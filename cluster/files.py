"""Writing generated files: whole or not at all, and never over what somebody has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Changed(ValueError):
    """A file is there that differs from the one to be written; the message names it, and the mend."""


def write_files(folder: Path, files: Mapping[str, str], force: bool = False) -> list[Path]:
    """Write generated files into a folder, which is made.

    Args:
        files: text by name. Those whose first line is `#!...` can be executed.
        force: overwrite files that differ.

    Returns:
        Their absolute paths, in the order of `files`.

    Raises:
        Changed: without `force`, where a file differs. Nothing has been written then.
        OSError: the folder cannot be written.
    """
    paths = {folder.absolute() / name: text for name, text in files.items()}
    for path, text in paths.items():
        if not force and path.exists() and path.read_bytes() != text.encode():
            raise Changed(f"{path} is there and differs: give --force to overwrite it, or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in paths.items():
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    return list(paths)
