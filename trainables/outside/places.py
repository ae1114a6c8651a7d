"""Paths from outside: what can be no path of this machine is said in a line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from trainables.outside.text import Unreadable, shown


def local_path(text: str) -> Path:
    """The absolute path that `text` is, `~` replaced by a home. It need not be there.

    Raises:
        Unreadable: it cannot be looked at.
    """
    if not text.strip():
        raise Unreadable("the path is empty")
    try:
        if text.startswith("~") and not Path(text.partition("/")[0]).expanduser().is_dir():
            raise RuntimeError
        path = Path(text).expanduser().absolute()
        path.exists()
    except RuntimeError:  # that of `expanduser`, where there is no such user
        raise Unreadable(f"{shown(text)}: there is no such home; write the path out") from None
    except (OSError, ValueError) as error:  # ValueError: a zero character
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unreadable(f"{shown(text)}: cannot be looked at ({reason})") from None
    return path


def check_writable(folder: Path) -> None:
    """Raises Unreadable where a folder can be neither made nor written to. Nothing is left of the try."""
    path = local_path(str(folder))
    try:
        place = next(one for one in (path, *path.parents) if one.exists())
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        reason = folder_problem(path) or error.strerror
        raise Unreadable(f"{shown(str(folder))} cannot be written ({reason}); give another folder") from None


def folder_problem(path: Path) -> str | None:
    """Why `path` can be no folder, as the end of a line: it is a file, or lies below one; None: nothing against it."""
    for place in (path, *path.parents):
        if place.exists():
            return None if place.is_dir() else f"{place} is a file, and no folder"
    return None
