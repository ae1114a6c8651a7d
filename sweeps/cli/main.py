"""The command line, `xstilts`: each command here, or in the module of its name beside this one."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.carry_out import Address, Cluster, Preflight, RayCpus, carry_out
from sweeps.cli.compare import compare
from sweeps.cli.console import (
    WRONG,
    File,
    Json,
    Override,
    complain,
    console,
    load_sweep,
    new_folder,
    see_sweep,
    write_json,
    wrong,
)
from sweeps.cli.data import app as data_app
from sweeps.cli.environment import environment
from sweeps.cli.launch import app as launch_app
from sweeps.cli.nodes import MayGrowTo
from sweeps.cli.plan import plan
from sweeps.cli.status import gc, status
from sweeps.cli.submit import app as job_app
from sweeps.cli.submit import submit
from sweeps.cli.suggest import suggest
from sweeps.cli.tables import print_tables
from sweeps.cli.track import track
from sweeps.cli.ui import ui
from trainables.failure import NonRetryable
from trainables.models.backbones import UnsupportedModel
from trainables.outside.text import Unreadable, shown
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import TrainRecipe
from trainables.tasks.language_facts import GROUPINGS
from trainables.tasks.sources import DataError

if TYPE_CHECKING:
    from sweeps.state.sweep import Sweep

app = typer.Typer(
    help="Sweeps of three-phase cross-lingual transfer learning on Ray: "
    "a multilingual model, an intermediate task, a target task, zero-shot evaluation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(launch_app, name="launch")
app.add_typer(job_app, name="job")
app.command()(plan)
app.command()(submit)
app.command()(status)
app.command()(gc)
app.command()(suggest)
app.command()(compare)
app.command()(track)
app.command()(ui)
app.command()(environment)


@app.command()
def run(
    file: File,
    override: Override = None,
    address: Address = None,
    cpus: RayCpus = None,
    nodes: MayGrowTo = None,
    preflight: Preflight = True,
) -> None:
    """Carry out what is not done yet, then show the results. Run again to resume."""
    carry_out(file, override, Cluster(address, cpus, nodes or [], preflight))


@app.command()
def results(
    file: File,
    override: Override = None,
    as_json: Json = False,
    average: Annotated[
        str, typer.Option(help="zero-shot (without the training language) or xtreme (with it).")
    ] = "zero-shot",
    by: Annotated[
        str | None, typer.Option(help="Means over groups of languages: resource, size, script, family or seen.")
    ] = None,
) -> None:
    """Show the tables of what is done."""
    if average not in ("zero-shot", "xtreme"):
        wrong([f"--average {average}: zero-shot or xtreme"])
    grouping = next((one for one in GROUPINGS if one == by), None)
    if by is not None and grouping is None:
        wrong([f"--by {shown(by)}: {', '.join(GROUPINGS)}"])
    sweep = see_sweep(file, override)
    from sweeps.results.groups import group_tables
    from sweeps.results.notes import notes_of
    from sweeps.results.results import Results
    from sweeps.results.tables import tables_of

    found = Results(sweep)
    if as_json:
        write_json([asdict(number) for number in found.numbers()])
        return
    if grouping is not None:
        print_tables(group_tables(found, grouping), notes_of(found), console)
        return
    print_tables(tables_of(found, "xtreme" if average == "xtreme" else "zero-shot"), notes_of(found), console)


@app.command()
def report(
    file: File,
    override: Override = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write into; by default beside the tables.")] = None,
) -> None:
    """Write the report of what is done: a page, heat maps, and the numbers with their intervals."""
    sweep = see_sweep(file, override)
    from sweeps.cli.finalize import results_folder
    from sweeps.report.write import write_report
    from sweeps.results.results import Results
    from sweeps.tracking.links import run_links

    found = Results(sweep)
    if not found.cells:
        wrong([f"{file}: no cell is done yet; xstilts run {file}"])
    folder = new_folder(to or results_folder(sweep))
    try:
        paths = [*write_report(found, folder, run_links(sweep.spec, sweep.store)), found.write(folder)]
    except (ValueError, OSError) as problem:
        wrong([f"{file}: {problem}"])
    for path in paths:
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command()
def export(
    file: File,
    to: Annotated[Path, typer.Option(help="Directory to write into.", show_default=False)],
    override: Override = None,
    what: Annotated[
        str, typer.Option("--format", help="model, or predictions as xtreme or xtreme-r takes them.")
    ] = "model",
    step: Annotated[
        str | None, typer.Option(help="Of a model: key of a train step that is done; by default the last pretraining.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Of a model: in half precision (fp16).")] = False,
    adapter: Annotated[
        bool,
        typer.Option("--adapter", help="Of a model trained by LoRA: its adapters, for peft, not merged into a model."),
    ] = False,
) -> None:
    """Write a checkpoint as a model directory for AutoModel.from_pretrained, or predictions in a suite's layout."""
    new_folder(to)
    sweep = load_sweep(file, override)
    if what == "model":
        _export_model(file, sweep, to, step, half, adapter)
        return
    from sweeps.results.export import export_predictions
    from trainables.suites import SUITES

    if what not in SUITES:
        wrong([f"--format {what}: model, {' or '.join(SUITES)}"])
    if step is not None or half or adapter:
        wrong([f"--format {what}: --step, --half and --adapter are about models"])
    try:
        exported = export_predictions(sweep, SUITES[what], to)
    except (ValueError, OSError) as problem:
        wrong([f"{file}: {problem}"])
    for note in exported.notes:
        console.print(f"- {note}", highlight=False, soft_wrap=True)
    for folder in exported.folders:
        console.print(str(folder), highlight=False, soft_wrap=True)
    if exported.labels is not None:
        command = f"xstilts score {exported.folders[0]} {exported.labels} --suite {what}"
        console.print(f"score        {command}", highlight=False, soft_wrap=True)


def _export_model(file: Path, sweep: Sweep, to: Path, step: str | None, half: bool, adapter: bool) -> None:
    _, plan, store = sweep
    pretrained = [one.id for one in plan.steps.values() if "pretrain" in one.phases]
    if step is None and not pretrained:
        wrong([f"{file}: it pretrains no model; say which checkpoint with --step (xstilts plan shows the keys)"])
    chosen = step or pretrained[-1]
    if chosen not in plan.steps or not plan.steps[chosen].kind.leaves_weights:
        wrong([f"--step {chosen}: no train step of {file}; xstilts plan shows the keys"])
    if not store.done(chosen):
        wrong([f"{file}: {plan.steps[chosen].name} ({chosen}) is not done; xstilts run {file}"])
    if store.weights_dropped(chosen):
        place = store.locate(chosen)
        wrong([f"{file}: keep: the weights of {chosen} were dropped; delete {place} and run again to make them again"])
    recipe, execution = plan.steps[chosen].recipe, plan.steps[chosen].execution
    origin = recipe.checkpoint if isinstance(recipe, TrainRecipe) else CheckpointRef(step=chosen)
    if adapter and origin.over is None:
        wrong([f"--adapter: {chosen} was trained in full and has no adapters; leave it out"])
    if adapter and half:
        wrong(["--half: is about a whole model; leave out --adapter, or --half"])
    from trainables.models.artifact import export_adapters, export_model

    try:
        if adapter:
            export_adapters(origin, store, execution, to)
        else:
            export_model(origin, store, execution, to, half)
    except OverflowError as problem:
        wrong([f"--half: {problem}"])
    except NonRetryable as problem:
        wrong([f"{file}: {problem}"])
    console.print(f"{plan.steps[chosen].name} ({chosen}) is in {to}", highlight=False, soft_wrap=True)


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="Folder of predictions: TASK/test-LANGUAGE.tsv|json|jsonl.")],
    labels: Annotated[Path, typer.Argument(help="Folder of labels in the same layout.")],
    suite: Annotated[str, typer.Option(help="xtreme or xtreme-r.")] = "xtreme",
    as_json: Json = False,
) -> None:
    """Score predictions in the XTREME submission layout, whoever made them. Needs no model."""
    from sweeps.results.score import score_notes, score_table
    from trainables.suites import SUITES, WrongFiles, score_folders

    if suite not in SUITES:
        wrong([f"--suite {suite}: {' or '.join(SUITES)}"])
    try:
        found = score_folders(predictions, labels, SUITES[suite])
    except WrongFiles as error:
        wrong(error.lines)
    if as_json:
        write_json(found.to_json())
        return
    print_tables([score_table(found)], score_notes(found), console)


def main() -> None:
    """Entry point of `xstilts`."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except (OSError, Unreadable, DataError, UnsupportedModel) as error:
        # What comes from outside and cannot be used; anything else that gets here is a mistake of this program.
        complain([str(error)])
        sys.exit(WRONG)


if __name__ == "__main__":
    main()
