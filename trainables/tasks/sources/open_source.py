"""Which source a task's rows come from: as a sweep names it, and again from a recipe's revision on a worker."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainables.tasks.sources import DataError, Source
from trainables.tasks.sources.folder.source import FolderSource
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.hub.source import HubSource
from trainables.tasks.task import HUB


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
    if not data:
        raise DataError('this task reads files; say where: data: PATH (XTREME download layout) or data: "hub"')
    return HubSource(revisions) if data == HUB else FolderSource(data)


def source_at(kind: str, data: str | None, revision: str) -> Source:
    """The source that gave `revision`, for the worker that reads the rows."""
    if generated := re.fullmatch(r"generated-v\d+-seed(\d+)-size([\d.e-]+)", revision):
        return GeneratedSource(int(generated[1]), float(generated[2]))
    if "@" in revision:
        return HubSource(dict(one.split("@", 1) for one in revision.split("+")))
    return source_for(kind, data)
