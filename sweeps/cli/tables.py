"""How tables are shown, on a terminal and in a file."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def print_tables(tables: list[Table], notes: list[str], to: Console) -> None:
    """Tables, and below them what must be known of them."""
    for table in tables:
        to.print(table)
    for note in notes:
        to.print(f"- {note}", highlight=False)
