"""The tables of answers as files: LaTeX for a paper, CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from sweeps.report.files import in_math, tex
from sweeps.report.questions.answer import Answer, Cell, Estimate, Table, cell_text


def write_answer(answer: Answer, folder: Path) -> list[Path]:
    """Of each table `NAME.tex` and `NAME.csv`; of each figure `NAME.png`."""
    paths = []
    for table in answer.tables:
        paths += [folder / f"{table.name}.tex", folder / f"{table.name}.csv"]
        paths[-2].write_text(latex(answer, table), encoding="utf-8")
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(plain_rows(table))
    return paths


def latex(answer: Answer, table: Table) -> str:
    """A table for booktabs, ready to `\\input`; the claim, the facts and the limits are comments below it."""
    sides = "".join("r" if table.numeric(i) else "l" for i in range(len(table.head)))
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{sides}}}",
        r"\toprule",
        " & ".join(map(_tex, table.head)) + r" \\",
        r"\midrule",
        *(" & ".join(_tex(cell_text(cell)) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        f"% {table.caption}",
        *(f"% {line}" for line in answer.claim),
        *(f"% {name}: {text}" for name, text in answer.facts.items()),
        *(f"% may not be concluded: {line}" for line in answer.cautions),
    ]
    return "\n".join(lines) + "\n"


def plain_rows(table: Table) -> Iterator[list[str | int | float | None]]:
    """Heading and rows, an estimate as its value, the ends of its interval and its p-values."""
    estimates = {i for i in range(len(table.head)) if any(isinstance(row[i], Estimate) for row in table.rows)}
    parts = ("", " low", " high", " p", " p_holm")
    yield [name + part for i, name in enumerate(table.head) for part in (parts if i in estimates else ("",))]
    for row in table.rows:
        yield [value for i, cell in enumerate(row) for value in _values(cell, i in estimates)]


def _values(cell: Cell, estimate: bool) -> list[str | int | float | None]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high, cell.p, cell.adjusted]
    return [cell, None, None, None, None] if estimate else [cell]


def _tex(text: str) -> str:
    return in_math(tex(text))
