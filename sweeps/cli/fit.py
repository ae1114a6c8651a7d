"""`xstilts plan FILE --fit 80GB`: which models can be trained on how many cards of a size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sweeps.cli.console import wrong
from trainables.outside.text import shown

if TYPE_CHECKING:
    from sweeps.schedule.fit import Fit

FORM = re.compile(r"(\d{1,4}(?:\.\d+)?) ?(GB|GiB)")


def card_bytes(option: str) -> float:
    """Of `80GB` or `80GiB`; ends the program where it is neither."""
    found = FORM.fullmatch(option)
    if found is None or not float(found[1]):
        return wrong([f"--fit {shown(option)[1:-1]}: give the memory of a card, as 80GB"])
    return float(found[1]) * (10**9 if found[2] == "GB" else 2**30)


def fit_table(found: Sequence[Fit], option: str, device: str) -> Table:
    """A row for each model, what is trained of it, and number of cards."""
    title = f"an update of the training that holds the most, on cards of {option}; seconds as on {device}, modelled"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in ("model", "trained", "cards", "carried out", "GB a card", "GB of the host", "s an update"):
        table.add_column(heading, justify="right" if heading[:2] in ("GB", "s ") else "left", overflow="fold")
    for one in found:
        row = [f"{one.model} ({one.parameters / 1e9:.1f} B)", one.trained, str(one.cards)]
        seconds = f"{one.update_seconds:.3g}" if one.fits else "-"
        table.add_row(*row, _carried_out(one), _gb(one.gpu_bytes), _gb(one.host_bytes), seconds)
    return table


def _carried_out(one: Fit) -> str:
    from sweeps.schedule.reasons import spared

    execution = one.execution
    workers = f"{execution.workers} worker{'s' * (execution.workers > 1)}"
    words = f"{workers}, stage {execution.stage}, micro-batch {execution.micro_batch_tokens:,}"
    return words + spared(execution) if one.fits else "does not fit"


def _gb(amount: float) -> str:
    return f"{amount / 1e9:,.1f}" if amount < 99.95e9 else f"{amount / 1e9:,.0f}"
