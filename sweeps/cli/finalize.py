"""The end of a run: the tables and the report are written, logged and shown, with where everything is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sweeps.cli.console import SafeConsole, complain, console
from sweeps.cli.tables import print_tables
from sweeps.report.write import write_report
from sweeps.results.notes import notes_of
from sweeps.results.results import Results
from sweeps.results.tables import tables_of
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from sweeps.tracking.links import run_links
from trainables.store.logs import logs_of


def results_folder(sweep: Sweep) -> Path:
    """Where a sweep's tables and report are written: in the store, or here where that is remote."""
    return Path(sweep.store.root if sweep.store.local else ".") / "results" / sweep.name


def write_results(found: Results, folder: Path) -> dict[str, Path]:
    """Write the numbers, the tables and the report; where each is."""
    numbers = found.write(folder)
    with (folder / "table.txt").open("w") as out:
        print_tables(tables_of(found, "zero-shot"), notes_of(found), SafeConsole(file=out, width=160))
    places = {"numbers": numbers, "tables": folder / "table.txt"}
    if found.cells:
        try:
            places["report"] = write_report(found, folder, run_links(found.spec, found.store))[0]
        except (ValueError, OSError) as problem:  # what was trained stands, whatever is wrong with the page
            complain([f"no report: {problem}"])
    return places


def show_results(sweep: Sweep, file: Path, tracker: Tracker) -> None:
    """Write the tables and the report, attach both to the sweep's run, and say where everything is."""
    found = Results(sweep)
    store, folder = sweep.store, results_folder(sweep)
    tracker.wait()  # the report links to the runs
    places = write_results(found, folder)
    tracker.table(folder, found.means())
    print_tables(tables_of(found, "zero-shot"), notes_of(found), console)
    shown = {
        **places,
        "predictions": store.locate("evaluate-*", "predictions"),
        "logs": f"{logs_of(store)}/STEP/WORKER.log",
        "MLflow": f"{_command()} ui {file}",
    }
    lines = "\n".join(f"{name:12} {place}" for name, place in shown.items())
    console.print(f"\n{lines}", highlight=False, soft_wrap=True)


def _command() -> str:
    """How this program was called, as it may be called again from here."""
    if shutil.which("xstilts"):
        return "xstilts"
    script = Path(sys.executable).with_name("xstilts")
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
