"""`xstilts compare`: two sweeps side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from sweeps.cli.console import File, Json, Override, console, see_sweep, write_json, wrong
from trainables.outside.text import shown

if TYPE_CHECKING:
    from sweeps.report.comparison import Compared, Comparison

CHANGES = 40
"""Fields that are shown, at most; `--json` has all."""


def compare(
    ours: File,
    theirs: File,
    override: Override = None,
    average: Annotated[
        str, typer.Option(help="zero-shot (without the training language) or xtreme (with it).")
    ] = "zero-shot",
    as_json: Json = False,
) -> None:
    """Compare two sweeps: cells in common, differences with intervals, and in what the recipes differ.

    Differences are the second sweep's score minus the first's.
    """
    if average not in ("zero-shot", "xtreme"):
        wrong([f"--average {average}: zero-shot or xtreme"])
    sides = (see_sweep(ours, override), see_sweep(theirs, override))
    from sweeps.report.comparison import NothingInCommon
    from sweeps.report.comparison import compare as compared

    try:
        found = compared(*sides, "xtreme" if average == "xtreme" else "zero-shot")
    except (NothingInCommon, ValueError) as problem:
        wrong([f"{ours} and {theirs}: {problem}"])
    if as_json:
        write_json(_json(found))
        return
    names = ("A", "B")
    title = f"A: {sides[0].name} ({ours}), B: {sides[1].name} ({theirs}); {average}"
    console.print(_table(found, title, names))
    for note in _notes(found, names):
        console.print(f"- {note}", highlight=False, soft_wrap=True)
    if found.changes:
        console.print(_changes(found, names))
        if len(found.changes) > CHANGES:
            console.print(f"and {len(found.changes) - CHANGES} more fields; --json has all", highlight=False)
    else:
        console.print("the recipes are equal", highlight=False)


def _table(found: Comparison, title: str, names: tuple[str, str]) -> Table:
    table = Table(title=title, title_justify="left", min_width=min(len(title), 150))
    several = len({one.model for one in found.entries}) > 1
    for heading in (*(["model"] if several else []), "intermediate", "target"):
        table.add_column(heading)
    for heading in (*names, f"{names[1]} - {names[0]}", "95 %", "p (Holm)", "seeds"):
        table.add_column(heading, justify="right")
    for one in found.entries:
        of = [one.model] if several else []
        scores = [f"{one.ours:.1f}", f"{one.theirs:.1f}", f"{one.theirs - one.ours:+.1f}"]
        table.add_row(*of, one.intermediate, one.target, *scores, *_sure(one), str(one.seeds))
    return table


def _sure(one: Compared) -> tuple[str, str]:
    if one.same:
        return "same steps", ""
    if one.found is None:
        return "–", ""
    low, high = one.found.interval
    adjusted = one.adjusted if one.adjusted is not None else one.found.p
    return f"{low:+.1f} to {high:+.1f}", "<0.001" if adjusted < 0.001 else f"{adjusted:.3f}"


def _notes(found: Comparison, names: tuple[str, str]) -> list[str]:
    notes = []
    reasons: dict[str, list[str]] = {}
    for one in found.entries:
        if one.why:
            reasons.setdefault(one.why, []).append(f"{one.intermediate} -> {one.target}")
    for why, of in reasons.items():
        more = f" and {len(of) - 3} more" if len(of) > 3 else ""
        notes.append(f"no interval, {why}: {', '.join(of[:3])}{more}")
    alone = [f"{count} in {name}" for name, count in zip(names, found.alone, strict=True) if count]
    if alone:
        notes.append(f"cells that are done in one of them only: {', '.join(alone)}")
    notes.append("intervals: paired bootstrap over test examples, Student's t over the seeds that both have")
    return notes


def _changes(found: Comparison, names: tuple[str, str]) -> Table:
    table = Table(title="in what the recipes differ", title_justify="left", min_width=40)
    for heading in ("of", "field", *names):
        table.add_column(heading, overflow="fold")
    table.add_column("entries", justify="right")
    for change in found.changes[:CHANGES]:
        values = (shown(side)[1:-1] if side else "" for side in (change.ours, change.theirs))
        table.add_row(change.what, change.field, *values, f"{change.entries} of {len(found.entries)}")
    return table


def _json(found: Comparison) -> dict[str, Any]:
    entries = []
    for one in found.entries:
        low, high = one.found.interval if one.found else (None, None)
        said = {name: value for name, value in asdict(one).items() if name not in ("found", "adjusted")}
        p = one.found.p if one.found else None
        entries.append(
            {**said, "difference": one.theirs - one.ours, "low": low, "high": high, "p": p, "p_holm": one.adjusted}
        )
    return {"entries": entries, "changes": [asdict(one) for one in found.changes], "alone": list(found.alone)}
