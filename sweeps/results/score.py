"""How a suite's score is shown to a person."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from trainables.suites import SuiteScore

NOTHING = "…"


def score_table(score: SuiteScore) -> Table:
    """A row for each task, with its means over languages; then the groups, then the total."""
    title = f"{score.suite.name}: means over all languages, English included"
    table = Table(title=title, title_justify="left", min_width=len(title), box=SIMPLE_HEAD)
    for heading in ("", "languages", "metrics"):
        table.add_column(heading)
    table.add_column("score", justify="right")
    for name, task in score.suite.tasks.items():
        scored = len(score.languages.get(name, ()))
        metrics = score.metrics(name) or {}
        shown = ", ".join(f"{metric} {value:.2f}" for metric, value in metrics.items())
        table.add_row(name, f"{scored} of {len(task.languages)}", shown, _number(score.task(name)))
    table.add_section()
    for name, tasks in score.suite.groups.items():
        table.add_row(name, "", " + ".join(tasks), _number(score.group(name)))
    table.add_section()
    table.add_row("total", "", f"all {len(score.suite.tasks)} tasks", _number(score.total()))
    return table


def score_notes(score: SuiteScore) -> list[str]:
    """What is missing, and what should be known of the files."""
    lines = []
    for name, lack in score.absent.items():
        every = score.suite.tasks[name].languages
        sides = (("predictions", lack.predictions), ("labels", lack.labels))
        parts = [f"no {side}" + (f" of {' '.join(gone)}" if gone != every else "") for side, gone in sides if gone]
        lines.append(f"missing: {name} ({', '.join(parts)})")
    if lines:
        lines.append(f"{NOTHING} stands for a score that would leave out what is missing")
    return [*lines, *score.notes]


def _number(score: float | None) -> str:
    return NOTHING if score is None else f"{score:.2f}"
