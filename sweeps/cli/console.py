"""What the commands share: the two outputs, the usual arguments, exit codes, and how a wrong request ends."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from sweeps.cost.throughput import DEVICES, USUAL
from sweeps.spec.fields import SweepSpec
from sweeps.spec.places import check_tracking_writable
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.outside.places import check_writable
from trainables.outside.text import Unreadable, bounded, escaped

if TYPE_CHECKING:
    from sweeps.state.sweep import Sweep
    from trainables.store import Store

FAILED, WRONG, INTERRUPTED = 1, 2, 130


class SafeConsole(Console):
    """Shows texts as they are, but that a terminal obeys none of them: control characters are shown as escapes, and
    brackets are no markup. What has a style is a `Text`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(escaped(text, keep="\n\t"), **options)


# Where there is no terminal to ask (a log, a pipe), lines are as long as the tables are wide.
console = SafeConsole(soft_wrap=False, width=None if sys.stdout.isatty() else 160)
complaints = SafeConsole(stderr=True, soft_wrap=True, highlight=False)

File = Annotated[Path, typer.Argument(help="The sweep file (YAML), or a study by its name: demo.", show_default=False)]
Override = Annotated[
    list[str] | None,
    typer.Option("-o", metavar="KEY=VALUE", help="Override a field: -o seeds=[1,2] -o execution.workers=2"),
]
Gpus = Annotated[int | None, typer.Option(help="Say what the rest of the sweep takes on so many GPUs.", min=1)]
GpuType = Annotated[str | None, typer.Option(help=f"With --gpus: {', '.join(DEVICES)}; without it {USUAL}.")]
Cpus = Annotated[
    int | None,
    typer.Option(help="With --gpus: so many CPUs, not as many as are wanted. Alone: of a sweep without GPUs.", min=1),
]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


def wrong(lines: list[str]) -> Any:
    """End the program: the request was wrong."""
    complain(lines)
    raise typer.Exit(WRONG)


def new_folder(to: Path, option: str = "--to") -> Path:
    """`to`, which can be written to; ends the program where it cannot, before anything is written."""
    try:
        check_writable(to)
    except Unreadable as error:
        wrong([f"{option}: {error}"])
    return to


def complain(lines: list[str]) -> None:
    """Say what is wrong, on the second output: each line is one, of a length that can be read."""
    for line in lines:
        complaints.print(bounded(line), style="red")


def spec_of(file: Path, override: list[str] | None, data_here: bool = True) -> SweepSpec:
    """The sweep that a command is asked about; ends the program where it cannot be used."""
    try:
        return read_spec(file, override, data_here)
    except WrongSpec as error:
        return wrong(error.lines)


def open_store(
    file: Path, override: list[str] | None, writable: bool = False, data_here: bool = True
) -> tuple[SweepSpec, Store]:
    """Spec and store; leaves with a clear line where one of them cannot be had."""
    spec = spec_of(file, override, data_here)
    from trainables.store import Store, StoreError

    try:
        store = Store(spec.storage)
        store.files.reachable(store.root)
    except StoreError as error:
        wrong([f"{file}: storage: {error}; give a path or URI that can be written"])
    if writable:
        must_be_writable(file, spec, store)
    return spec, store


def must_be_writable(file: Path, spec: SweepSpec, store: Store) -> None:
    """Ends the program where what the sweep comes to cannot be kept; tries it by writing."""
    from trainables.store import StoreError

    try:
        if store.local:
            new_folder(Path(store.root), f"{file}: storage")
        check_tracking_writable(spec.tracking_uri)
        store.check_writable()
    except Unreadable as error:
        wrong([f"{file}: {error}"])
    except StoreError as error:
        wrong([f"{file}: storage: {error}; give a path or URI that can be written"])


def steps_of(plan: Any, state: Any) -> dict[str, Any]:
    """The plan for programs; `state` gives what there is to say of a step by its key."""
    steps = [
        {"key": s.id, "kind": s.kind.group, "name": s.name, "needs": list(s.needs), **state(s.id)}
        for s in plan.steps.values()
    ]
    return {"steps": steps, "unshared_train_steps": plan.unshared_train_steps}


def write_json(value: Any) -> None:
    """Write JSON that is safe on a terminal too: what cannot be printed is an escape of JSON's own."""
    typer.echo(re.sub(r"[^\n -~]", _json_escape, json.dumps(value, indent=1, ensure_ascii=False)))


def _json_escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def load_sweep(file: Path, override: list[str] | None, writable: bool = False) -> Sweep:
    """A sweep; ends the program where its spec, plan or store cannot be had."""
    spec, store = open_store(file, override, writable)
    from sweeps.state.sweep import load

    try:
        return load(spec, file, store)
    except WrongSpec as error:
        return wrong(error.lines)


def see_sweep(file: Path, override: list[str] | None) -> Sweep:
    """As `load_sweep`, for what only looks: where no plan can be made (the data is not here), that of the last run."""
    spec, store = open_store(file, override, data_here=False)
    from sweeps.plan.saved_plan import load_saved_plan
    from sweeps.state.sweep import Sweep, load

    try:
        return load(spec, file, store)
    except WrongSpec as error:
        plan = load_saved_plan(spec.sweep, store)
        if plan is None:
            return wrong(error.lines)
        complaints.print(f"{error.lines[0]}\nthis is the plan of the last run", style="yellow")
        return Sweep(spec, plan, store)
