"""Scores by groups of languages: resource class, size in CC-100, script, family, seen by the starting model or not."""

from __future__ import annotations

from rich.table import Table

from sweeps.results.results import Results
from sweeps.spec.model import ModelSpec
from trainables.tasks.language_facts import LANGUAGES, Grouping, pretraining_of

NOT_KNOWN = "not known"


def group_of(model: ModelSpec, code: str, grouping: Grouping) -> str | None:
    """The group of a language, as a starting model sees it; None where the facts do not tell."""
    if grouping == "seen" and model.seen is not None:
        return "seen" if code in model.seen else "not seen"
    return LANGUAGES[code].group_of(grouping, pretraining_of(model.start)) if code in LANGUAGES else None


def group_tables(results: Results, grouping: Grouping) -> list[Table]:
    """A table for each model. Rows: target and group, with how many languages it has; columns: intermediates. Languages
    that were trained on are left out; those of which the facts say nothing are a group of their own."""
    tables = []
    for name, model in results.spec.models.items():
        title = f"{results.spec.sweep} · {name}: zero-shot, by {grouping} of language"
        table = Table(title=title, title_justify="left", min_width=len(title))
        for heading in ("target", grouping, "languages"):
            table.add_column(heading)
        for intermediate in results.spec.intermediate_names:
            table.add_column(intermediate, justify="right")
        for target in results.spec.targets:
            groups: dict[str, list[str]] = {}
            for code in results.languages(target.task, "zero-shot"):
                groups.setdefault(group_of(model, code, grouping) or NOT_KNOWN, []).append(code)
            for group, codes in sorted(groups.items()):
                entries = [
                    results.entry(name, intermediate, [target.task], codes, "zero-shot")
                    for intermediate in results.spec.intermediate_names
                ]
                table.add_row(target.task, group, " ".join(codes), *("…" if e is None else str(e) for e in entries))
            table.add_section()
        tables.append(table)
    return tables
