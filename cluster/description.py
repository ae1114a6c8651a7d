"""The description of a cluster: what the recipes for every kind of cluster have in common.

It comes from options of `xstilts launch`, or from a file of its own (`--cluster FILE`), in which the fields of one kind
stand under its name. The sweep file does not know it.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _plain(text: str) -> str:
    if not text or not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of characters that can be printed, without spaces at its ends")
    return text


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,8}[MGT]", text):
        raise ValueError("must be a number with its unit: 64G (M, G or T, binary)")
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("is no name of an environment variable; give NAME alone, its value stays in the environment")
    return text


Text = Annotated[str, Field(max_length=1000), AfterValidator(_plain)]
"""One printable line."""
Memory = Annotated[str, AfterValidator(_memory)]
"""Such as `64G`: binary units."""
Variable = Annotated[str, Field(max_length=200), AfterValidator(_variable)]
Nodes = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Some = Annotated[int, Field(strict=True, ge=0, le=100_000)]


class Description(BaseModel):
    """Fields that every kind of cluster has; a kind's own are in a subclass, in the package of that kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    nodes: Nodes = 1
    """Machines that carry out steps."""
    cpus: Nodes | None = None
    """CPUs of each; None: what the kind of cluster takes for all that a machine has."""
    gpus: Some | None = None
    """GPUs of each; None: as few as hold the sweep's largest step on so many machines."""
    memory: Memory | None = None
    """Of each; None: what the cluster gives by default."""
    image: Text | None = None
    """Container image that the project is installed in; None: no containers, or the kind's own default."""
    environment: tuple[Variable, ...] = ()
    """Names of further variables that every process shall have, with the values that they have here, or that the
    cluster's secrets give."""
