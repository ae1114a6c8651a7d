"""The commands `xstilts data list | pull | check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sweeps.cli.console import FAILED, File, Json, Override, complain, complaints, console, spec_of, write_json, wrong
from sweeps.spec.reading import WrongSpec

app = typer.Typer(help="The data: what there are, fetching what a sweep needs, looking at it.", no_args_is_help=True)


@app.command("list")
def list_(
    tasks: Annotated[list[str] | None, typer.Argument(help="Only these tasks.", show_default=False)] = None,
    files: Annotated[
        list[str] | None, typer.Option("--tasks", help="A task file, or a folder of them.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the tasks that read data of others: languages, sizes, where the data come from, licence."""
    from sweeps.data.data import listed
    from sweeps.spec.task_files import read_task_files
    from trainables.tasks.files.reading import WrongTaskFile
    from trainables.tasks.files.use import use_task_files

    try:
        use_task_files(read_task_files(list(files or []), "--tasks", Path()))
    except WrongTaskFile as error:
        wrong(error.lines)
    found = [one for one in listed() if not tasks or one.task in tasks]
    if unknown := sorted(set(tasks or []) - {one.task for one in found}):
        wrong([f"no task that reads data of others: {', '.join(unknown)}; xstilts data list shows all"])
    if as_json:
        write_json([asdict(one) for one in found])
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("task", "languages", "rows", "source", "licence"):
        table.add_column(heading, overflow="fold")
    for one in found:
        languages = " ".join(one.languages) or " ".join(one.train_languages)
        rows = "\n".join(f"{split} {count:,}" for split, count in one.rows.items())
        table.add_row(one.task, f"{len(languages.split())}: {languages}", rows, one.source, one.licence)
    console.print(table)
    console.print("rows: in all languages together, where a figure is known", highlight=False)


@app.command()
def pull(file: File, override: Override = None) -> None:
    """Fetch what a sweep needs of the hub, and pin it in a lock file beside the sweep. Run again to go on."""
    spec = spec_of(file, override)
    from sweeps.data.pull import Missing, Puller
    from trainables.tasks.lock import lock_path
    from trainables.tasks.sources import DataError

    count = size = 0
    missing = []
    try:
        for one in Puller(spec, file).pull():
            if isinstance(one, Missing):
                missing.append(one.line)
                continue
            count, size = count + 1, size + one.size
            state = "was there" if one.before else "pulled, checksum right"
            console.print(f"{one.size / 1e6:10.1f} MB  {one.what}  {state}", highlight=False)
    except WrongSpec as error:
        wrong(error.lines)
    except DataError as error:
        wrong([f"{file}: {error}"])
    except OSError as error:
        wrong([f"{lock_path(file)}: cannot be written ({error.strerror}); put the sweep file where it can be"])
    if count:
        console.print(f"{count} pulled, {size / 1e6:.1f} MB; commits and checksums: {lock_path(file)}", highlight=False)
    elif not missing:
        places = ", ".join(dict.fromkeys(spec.data.values())) or "generated data alone"
        console.print(f"{file}: nothing of it is on the hub; it reads {places}", soft_wrap=True)
    for line in missing:
        complain([f"{file}: {line}"])
    if missing:
        complaints.print(f"{count} are here, {len(missing)} lines say what is missing; run this again to go on")
        raise typer.Exit(FAILED)


@app.command()
def check(file: File, override: Override = None, as_json: Json = False) -> None:
    """Read everything that a sweep needs: rows against the benchmark's, labels, empty and double rows, overlap."""
    spec = spec_of(file, override)
    from sweeps.data.data import check_all
    from sweeps.plan.remarks import unread_rows

    try:
        found = list(check_all(spec, file))
    except WrongSpec as error:
        wrong(error.lines)
    if as_json:
        write_json([one.as_json() for one in found])
    else:
        table = Table(box=SIMPLE_HEAD)
        table.add_column("data")
        for heading in ("rows", "expected", "labelled", "labels", "empty", "double", "in train"):
            table.add_column(heading, justify="right")
        for one in found:
            if one.findings is not None:
                row = one.findings
                other = row.expected is not None and row.expected != row.rows
                table.add_row(
                    f"{one.task} {one.split} {one.language}",
                    Text(str(row.rows), "yellow") if other else str(row.rows),
                    "" if row.expected is None else str(row.expected),
                    str(row.labelled),
                    str(len(row.labels) or ""),
                    str(row.empty or ""),
                    str(row.duplicates or ""),
                    str(one.overlap or ""),
                )
        console.print(table)
        for one in found:
            if one.findings is not None and one.findings.expected not in (None, one.findings.rows):
                counts = f"{one.findings.rows} rows, the benchmark has {one.findings.expected}"
                console.print(f"- {one.task} {one.split} {one.language}: {counts}; read from {one.origin}")
            for remark in one.findings.remarks if one.findings is not None else ():
                name = f"{one.task} {one.split} {one.language}"
                console.print(f"- {name}: {remark}", style="yellow", highlight=False, soft_wrap=True)
        for line in unread_rows(spec):
            console.print(f"- {line}", style="yellow", highlight=False, soft_wrap=True)
    wrongs = [f"{one.task} {one.split} {one.language}: {line}" for one in found for line in one.problems]
    for line in wrongs:
        complain([line])
    if wrongs:
        raise typer.Exit(FAILED)
