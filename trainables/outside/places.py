"""Paths from outside: what can be no path of this machine is said in a line."""

from __future__ import annotations

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
        path = Path(text).expanduser().absolute()
        path.exists()
    except RuntimeError:
        raise Unreadable(f"{shown(text)}: there is no such user; write the path out") from None
    except (OSError, ValueError) as error:  # ValueError: a zero character
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unreadable(f"{shown(text)}: cannot be looked at ({reason})") from None
    return path


def folder_problem(path: Path) -> str | None:
    """Why `path` can be no folder, as the end of a line: it is a file, or lies below one; None: nothing against it."""
    for place in (path, *path.parents):
        if place.exists():
            return None if place.is_dir() else f"{place} is a file, and no folder"
    return None
