"""Which source a task's rows come from: as a sweep names it, and again from a recipe's revision on a worker."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainables.tasks.folder import FolderSource
from trainables.tasks.hub import HubSource
from trainables.tasks.sources import DataError, GeneratedSource, Source


def source_for(
    kind: str, data: str | None, seed: int = 1, size: float = 1.0, revisions: Mapping[str, str] | None = None
) -> Source:
    """The source of tasks of a kind ("files" or "generated").

    Args:
        data: a folder in the XTREME download layout, or "hub"; generated tasks need none.
        seed, size: of the generated benchmark.
        revisions: pinned commits of hub data sets.

    Raises:
        DataError: real data is wanted and `data` does not say where it is.
    """
    if kind == "generated":
        return GeneratedSource(seed, size)
    if data is None:
        raise DataError('this task reads files; say where: data: PATH (XTREME download layout) or data: "hub"')
    return HubSource(revisions) if data == "hub" else FolderSource(data)


def source_at(kind: str, data: str | None, revision: str) -> Source:
    """The source that gave `revision`, for the worker that reads the rows."""
    if generated := re.fullmatch(r"generated-v\d+-seed(\d+)-size([\d.e-]+)", revision):
        return GeneratedSource(int(generated[1]), float(generated[2]))
    dataset, _, commit = revision.partition("@")
    return source_for(kind, data, revisions={dataset: commit} if commit else None)
