"""What the commands `xstilts launch KIND` share: reading a description, what the sweep needs, writing files.

A kind of cluster is a package in `cluster/`, with a `Description` of its own and a function from `Needs` and that to
the texts of files. Its command, in a module beside this one, joins `described`, `prepared` and `delivered`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from cluster.description import Description
from cluster.files import Changed, write_files
from cluster.needs import Needs
from sweeps.cli.console import complaints, console, load_sweep, new_folder, wrong
from sweeps.cli.needs import needs_of
from trainables.outside.fields import explained
from trainables.outside.text import Unreadable, shown
from trainables.outside.yaml import parse_yaml, read_yaml

Described = TypeVar("Described", bound=Description)

ClusterFile = Annotated[
    Path | None,
    typer.Option("--cluster", help="Description of the cluster (YAML); options go before it.", show_default=False),
]
To = Annotated[Path, typer.Option(help="Folder to write into.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be written; write and start nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that have been changed.")]
Nodes = Annotated[int | None, typer.Option(help="Machines; 1 where nothing says it.", show_default=False)]
CpusPerNode = Annotated[int | None, typer.Option("--cpus", help="CPUs of each machine.", show_default=False)]
GpusPerNode = Annotated[int | None, typer.Option("--gpus", help="GPUs of each machine.", show_default=False)]
Memory = Annotated[str | None, typer.Option(help="Memory of each machine: 64G.", show_default=False)]
Image = Annotated[str | None, typer.Option(help="Container image with the project in it.", show_default=False)]
Environment = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME", help="Further environment variable for every process.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Any field of the description.", show_default=False),
]


def described(
    model: type[Described], kind: str, file: Path | None, options: dict[str, Any], settings: list[str] | None = None
) -> Described:
    """The description of the cluster; ends the program where it cannot be used.

    Args:
        model: of this kind of cluster.
        kind: its name, under which the fields of its own stand in `file`; those of other kinds are passed over.
        file: what `--cluster` names.
        options: fields that options give (None: they do not); they go before those of the file.
        settings: further ones, each as FIELD=VALUE, the value in YAML.
    """
    fields: dict[str, Any] = {}
    if file is not None:
        try:
            read = read_yaml(file)
        except Unreadable as error:
            wrong([str(error)])
        own = read.get(kind) if isinstance(read, dict) else None
        if not isinstance(read, dict) or not isinstance(own, dict | None):
            wrong([f"{file}: must be a mapping of fields, those of one kind of cluster under its name ({kind}: ...)"])
        common = {key: value for key, value in read.items() if key in Description.model_fields or key not in KINDS}
        fields = {**common, **(own or {})}
    for setting in settings or ():
        name, equals, value = setting.partition("=")
        if not equals:
            wrong([f"--set {shown(setting)}: give FIELD=VALUE"])
        try:
            fields[name] = parse_yaml(value, "VALUE")
        except Unreadable as error:
            wrong([f"--set {shown(setting)}: {error}"])
    fields |= {name: value for name, value in options.items() if value is not None}
    try:
        return model(**fields)
    except ValidationError as error:
        return wrong([f"{file or 'options'}: {line}" for line in explained(error, model)])


def prepared(file: Path, override: list[str] | None) -> Needs:
    """What the sweep needs; ends the program where it cannot be planned."""
    return needs_of(load_sweep(file, override), file, override)


def note_gpus(sweeps: Sequence[Needs], cluster: Description) -> None:
    """Say so where the sweeps' steps will run on CPUs alone, which nobody asked for."""
    if cluster.gpus is None and not any(needs.gpus_per_machine(cluster.nodes) for needs in sweeps):
        complaints.print("no GPUs: steps run on CPUs; give --gpus N for machines that have some", style="yellow")


def delivered(files: dict[str, str], to: Path, dry_run: bool, force: bool) -> list[Path]:
    """Write generated files and say where they are, or print them; the paths of what was written."""
    if dry_run:
        for name, text in files.items():
            typer.echo((f"# ---- {name}\n" if len(files) > 1 else "") + text, nl=False)
        return []
    try:
        written = write_files(new_folder(to), files, force)
    except Changed as error:
        return wrong([f"--to: {error}"])
    for path in written:
        console.print(f"written      {path}", highlight=False, soft_wrap=True)
    return written


KINDS = ("slurm", "kuberay", "aws", "gcp", "hosts")
"""Names that stand for a kind of cluster in a description's file."""
