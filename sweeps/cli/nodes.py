"""Nodes as the command line has them: `--nodes 8x64x8` is eight nodes of 64 CPUs and 8 GPUs each."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from sweeps.cli.console import wrong
from sweeps.schedule.nodes import NodeShape
from trainables.outside.text import shown

FORM = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,3})(?:x(\d{1,2}))?")
MOST = 10_000
"""Nodes of a cluster."""
METAVAR = "NxCPUS[xGPUS]"

Nodes = Annotated[
    list[str] | None,
    typer.Option("--nodes", metavar=METAVAR, help="Instead of --gpus and --cpus: nodes, once for each shape: 8x64x8."),
]
MayGrowTo = Annotated[
    list[str] | None,
    typer.Option("--nodes", metavar=METAVAR, help="With --address: what the cluster may grow to, as in plan."),
]


def shapes_of(options: list[str]) -> list[NodeShape]:
    """The nodes, in the order in which they are given; ends the program where a shape is none."""
    shapes = []
    for option in options:
        if (found := FORM.fullmatch(option)) is None:
            said = shown(option)[1:-1]
            return wrong([f"--nodes {said}: give NxCPUS or NxCPUSxGPUS; 8x64x8 is 8 nodes of 64 CPUs and 8 GPUs each"])
        shapes += [NodeShape(int(found[2]), int(found[3] or 0))] * int(found[1])
        if len(shapes) > MOST:
            return wrong([f"--nodes {option}: give at most {MOST:,} nodes"])
    return shapes
