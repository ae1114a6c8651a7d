"""`xstilts track`: MLflow brought up to what the store has, without carrying anything out."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.cli.console import FAILED, File, Override, console, load_sweep


def track(
    file: File,
    override: Override = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Look at every done step, not only at those without a finished run.")
    ] = False,
) -> None:
    """Send MLflow what it missed, and give every done step its run; with --rebuild a lost MLflow is made again."""
    sweep = load_sweep(file, override, writable=True)
    spec, plan, store = sweep
    from sweeps.cli.finalize import results_folder, write_results
    from sweeps.results.results import Results
    from sweeps.state.selection import champions
    from sweeps.tracking import Tracker

    tracker = Tracker(sweep, say)
    tracker.reconcile(rebuild)
    if rebuild:
        tracker.wait()  # the report links to the runs
        folder = results_folder(sweep)
        found = Results(sweep)
        write_results(found, folder)
        tracker.table(folder, found.means())
        tracker.champions(champions(plan, store))
    done = all(store.done(step) for step in plan.steps)
    status = None if tracker.others else "FINISHED" if done else "KILLED"
    if not tracker.close(status):
        raise typer.Exit(FAILED)
    console.print(f"{spec.sweep}: MLflow has everything", highlight=False)


def say(line: str) -> None:
    """Show a line of the tracker's."""
    console.print(line, style="yellow", highlight=False, soft_wrap=True)
