"""The tables that a person reads of a sweep's numbers."""

from __future__ import annotations

from rich.table import Table

from sweeps.results.parts import part_means
from sweeps.results.results import Average, Results
from sweeps.results.similarity import similarities, similarity_tables
from sweeps.spec.intermediate import NONE
from sweeps.spec.questions import perturbed
from trainables.tasks import get_task


def tables_of(results: Results, average: Average) -> list[Table]:
    """Those of each model, then those of analyses, where the sweep has any."""
    tables = []
    for model in results.spec.models:
        tables += [table_of(results, model, average), language_table(results, model)]
        further = (part_table(results, model, average), drop_table(results, model))
        tables += [table for table in further if table is not None]
    return tables + similarity_tables(similarities(results.plan, results.store))


def table_of(results: Results, model: str, average: Average) -> Table:
    """Rows: intermediates. Columns: targets and averages. Below each mean, the difference to no intermediate."""
    table = _titled(f"{results.spec.sweep} · {model}: {_kind(results)}{_meaning(average)}")
    table.add_column("intermediate")
    columns = results.columns(average)
    for heading in columns:
        table.add_column(heading, justify="right")
    for intermediate in results.spec.intermediate_names:
        row = [intermediate]
        for targets in columns.values():
            entry = results.entry(model, intermediate, targets, None, average)
            base = results.entry(model, NONE, targets, None, average) if intermediate != NONE else None
            text = _absent(results, model, intermediate, targets) if entry is None else str(entry)
            if entry is not None and entry.collapsed:
                text += f"\n{entry.collapsed} of {entry.runs} collapsed"
            if entry is not None and base is not None:
                text += f"\n({entry.mean - base.mean:+.1f})"
            row.append(text)
        table.add_row(*row)
    return table


def _kind(results: Results) -> str:
    return "a selection, not a study; " if results.stopped or results.rounds else ""


def _absent(results: Results, model: str, intermediate: str, targets: list[str]) -> str:
    """What stands for an entry that is not there."""
    cells = [
        cell
        for cell in results.plan.cells
        if len(targets) == 1 and (cell.model, cell.intermediate, cell.target) == (model, intermediate, targets[0])
    ]
    stopped = [found for cell in cells if (found := results.stopped_in(cell))]
    if len(cells) == 1 and stopped:
        best = max(stopped[0], key=lambda one: one.value)
        return f"stopped at {best.global_step}\ndev {best.value:.1f}"
    return f"{len(stopped)} of {len(cells)} stopped" if stopped else "…"


def language_table(results: Results, model: str) -> Table:
    """Rows: target and intermediate. Columns: languages, the training language first, then in the order of the
    sweep file, or of the tasks where it names none."""
    shown = dict.fromkeys(language for t in results.spec.targets for language in results.languages(t.task, "xtreme"))
    named = [language for language in results.spec.languages or () if language in shown]
    names = list(dict.fromkeys([*named, *shown]))
    trained = {get_task(t.task).train_language for t in results.spec.targets}
    names.sort(key=lambda name: name not in trained)
    table = _titled(f"{results.spec.sweep} · {model}: {_kind(results)}by language")
    table.add_column("target")
    table.add_column("intermediate")
    for name in names:
        table.add_column(f"{name}*" if name in trained else name, justify="right")
    for target in results.spec.targets:
        for intermediate in results.spec.intermediate_names:
            entries = [results.entry(model, intermediate, [target.task], [name], "xtreme") for name in names]
            if any(entry is not None for entry in entries):
                cells = ["" if entry is None else f"{entry.mean:.1f}" for entry in entries]
                table.add_row(target.task, intermediate, *cells)
        table.add_section()
    return table


def part_table(results: Results, model: str, average: Average) -> Table | None:
    """Rows: target and intermediate. Columns: parts of test sets. None where no target has any."""
    names_of = (target.task for target in results.spec.targets)
    languages = {name: results.languages(name, average) or results.languages(name, "xtreme") for name in names_of}
    found = part_means((one for one in results.numbers() if one.model == model), languages)
    if not found:
        return None
    names = sorted({part for parts in found.values() for part in parts})
    table = _titled(f"{results.spec.sweep} · {model}: {_kind(results)}by part of the test set, {_meaning(average)}")
    for heading in ("target", "intermediate"):
        table.add_column(heading)
    for name in names:
        table.add_column(name, justify="right")
    for (_, target, intermediate), parts in found.items():
        table.add_row(target, intermediate, *(f"{parts[name]:.1f}" if name in parts else "" for name in names))
    return table


def drop_table(results: Results, model: str) -> Table | None:
    """Rows: intermediates. Columns: perturbed and adversarial sets, with clean minus their score over the languages of
    both. None where the sweep has none with its clean target."""
    pairs = perturbed(results.spec)
    over = {
        target: [one for one in results.languages(target, "xtreme") if one in results.languages(clean, "xtreme")]
        for target, clean in pairs.items()
    }
    shown = [target for target in pairs if over[target]]
    if not shown:
        return None
    title = "drop: clean minus perturbed or adversarial score, mean over the languages of both"
    table = _titled(f"{results.spec.sweep} · {model}: {_kind(results)}{title}")
    table.add_column("intermediate")
    for target in shown:
        table.add_column(target, justify="right")
    for name in results.spec.intermediate_names:
        drops = []
        for target in shown:
            clean, ours = (results.entry(model, name, [one], over[target], "xtreme") for one in (pairs[target], target))
            drops.append("" if clean is None or ours is None else f"{clean.mean - ours.mean:+.1f}")
        table.add_row(name, *drops)
    return table


def _titled(title: str) -> Table:
    """An empty table, wide enough for its title to stay on one line."""
    return Table(title=title, title_justify="left", min_width=len(title))


def _meaning(average: Average) -> str:
    if average == "xtreme":
        return "mean over all languages, the training language included (as XTREME has it)"
    return "zero-shot, mean over the languages that were not trained on"
