"""What is to be known of a plan before anything runs: of its trainings, and of the rows that it reads, as far as a look
at small files shows it."""

from __future__ import annotations

from pathlib import Path

from sweeps.plan.graph import Plan
from sweeps.spec.fields import SweepSpec
from trainables.recipe.recipes import DataRecipe
from trainables.tasks import get_task
from trainables.tasks.sources import DataError
from trainables.tasks.sources.folder.user_rows import unread
from trainables.tasks.sources.open_source import source_at
from trainables.tasks.task import HUB


def remarks_of(plan: Plan, spec: SweepSpec) -> list[str]:
    """Remarks on its trainings, then `TASK SPLIT, LANGUAGES: REMARK` of the data steps of a plan: placeholders for
    labels, ids that are not unique, other rows in place of a test set.

    Rows that cannot be read are said, too: their steps will fail. So are files of rows that no task reads.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for step in plan.steps.values():
        if isinstance(step.recipe, DataRecipe):
            task = get_task(step.recipe.task.name)
            for rows in step.recipe.rows:
                source = source_at(task.source, spec.data_of(task.name), rows.revision)
                try:
                    remarks = source.glance(task, rows.split, rows.language)
                except DataError as problem:
                    remarks = (str(problem),)
                if rows.stands_in is not None:
                    remarks = (*remarks, f"{rows.stands_in} rows are scored: there is no test set with labels")
                for remark in remarks:
                    found.setdefault((f"{task.name} {rows.split}", remark), {})[rows.language] = None
    said = [f"{what}, {' '.join(languages)}: {remark}" for (what, remark), languages in found.items()]
    return [*plan.remarks, *said, *unread_rows(spec)]


def unread_rows(spec: SweepSpec) -> list[str]:
    """A line for each file of rows of one's own that no task reads, in all data folders of a sweep."""
    folders = dict.fromkeys(data for data in spec.data.values() if data != HUB)
    return [line for folder in folders for line in unread(Path(folder).expanduser())]
