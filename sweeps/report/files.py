"""The numbers as files: Parquet and CSV for programs, Markdown and LaTeX for papers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sweeps.report.figures import MISSING, file_name, signed
from sweeps.report.study import AVERAGES, Score, Study
from sweeps.results.notes import notes_of
from sweeps.spec.intermediate import NONE
from trainables.tasks.language_facts import LANGUAGES

FIELDS: dict[str, pa.DataType] = {
    "model": pa.string(),
    "intermediate": pa.string(),
    "column": pa.string(),
    "over": pa.string(),
    "mean": pa.float64(),
    "sd": pa.float64(),
    "runs": pa.int64(),
    "test_rows": pa.int64(),
    "difference": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
    "p": pa.float64(),
    "p_holm": pa.float64(),
    "variance_examples": pa.float64(),
    "variance_seeds": pa.float64(),
    "gap": pa.float64(),
    "annotations": pa.string(),
    "script": pa.string(),
    "family": pa.string(),
    "cc100_gib": pa.float64(),
}
"""Of `report.parquet` and `report.csv`. `column`: a target or an average; `over`: zero-shot, xtreme, or a language.
Scores and differences in points; `gap`: to the training language."""


def write_files(study: Study, folder: Path) -> list[Path]:
    """`report.parquet`, `report.csv`, and of each model `<model>-table.md` and `.tex`."""
    rows = [row_of(score) for score in study.scores()]
    paths = [folder / "report.parquet", folder / "report.csv"]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(FIELDS.items()))), paths[0])
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(FIELDS))
        writer.writeheader()
        writer.writerows(rows)
    for model in study.models:
        for ending, text in (("md", markdown(study, model)), ("tex", latex(study, model))):
            paths.append(folder / f"{file_name(model, 'table')}.{ending}")
            paths[-1].write_text(text, encoding="utf-8")
    return paths


def row_of(score: Score) -> dict[str, Any]:
    """A score as one row of the files."""
    entry, found, language = score.entry, score.difference, LANGUAGES.get(score.over)
    low, high = found.interval if found else (None, None)
    return {
        "model": score.model,
        "intermediate": score.intermediate,
        "column": score.column,
        "over": score.over,
        "mean": entry and entry.mean,
        "sd": entry and entry.sd,
        "runs": entry and entry.runs,
        "test_rows": score.rows,
        "difference": found and found.value,
        "low": low,
        "high": high,
        "p": found and found.p,
        "p_holm": score.adjusted,
        "variance_examples": found and found.examples,
        "variance_seeds": found and found.seeds,
        "gap": score.gap,
        "annotations": " ".join(
            f"{annotation.kind}:{annotation.phase}:{annotation.seed}" for annotation in score.annotations
        ),
        "script": language and language.script,
        "family": language and language.family,
        "cc100_gib": language and language.gib,
    }


def markdown(study: Study, model: str) -> str:
    """The study's table as a pipe table."""
    columns = study.columns[AVERAGES[0]]
    heading = ["intermediate", *columns]
    lines = [
        heading,
        ["---", *["---:"] * len(columns)],
        *_table(study, model, "{mean} ±{sd}", "{mean}", " ({})"),
    ]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"{table}\n\n" + "\n".join(f"- {note}" for note in notes(study)) + "\n"


def latex(study: Study, model: str) -> str:
    """The study's table for booktabs, ready to `\\input`; the notes are comments below it."""
    columns = study.columns[AVERAGES[0]]
    heading = " & ".join(["intermediate", *map(tex, columns)])
    rows = _table(study, model, "{mean}{{\\scriptsize\\,$\\pm${sd}}}", "{mean}", " ({})")
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        heading + r" \\",
        r"\midrule",
        *(" & ".join([tex(name), *(in_math(cell) for cell in cells)]) + r" \\" for name, *cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(f"% {note}" for note in notes(study)),
    ]
    return "\n".join(lines) + "\n"


def notes(study: Study) -> list[str]:
    """What a reader of a bare table must know."""
    return [
        "zero-shot: mean over the languages that were not trained on; in brackets the difference to no intermediate",
        "*: the difference holds at 5 % after Holm's correction over the table; †: a run collapsed and is counted; "
        "‡: a run was stopped in a selection and has no score",
        *notes_of(study.results),
    ]


def _table(study: Study, model: str, spread: str, single: str, beside: str) -> Iterator[list[str]]:
    columns = study.columns[AVERAGES[0]]
    for name in study.intermediates:
        yield [
            name,
            *(_cell(study.averages[model, AVERAGES[0], name, c], spread, single, beside) for c in columns),
        ]


def _cell(score: Score, spread: str, single: str, beside: str) -> str:
    entry, found = score.entry, score.difference
    if entry is None:
        return score.signs or MISSING
    sd = "" if entry.sd is None else f"{entry.sd:.1f}"
    text = (spread if sd else single).format(mean=f"{entry.mean:.1f}", sd=sd)
    if found is not None and score.intermediate != NONE:
        text += beside.format(signed(found.value) + ("*" if score.sure else ""))
    return text + score.signs


def tex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(special.get(character, character) for character in text)


def in_math(cell: str) -> str:
    """A table's own signs, which are no text of a sweep file, as LaTeX has them."""
    signs = {
        "−": "$-$",
        "†": r"\textdagger{}",
        "‡": r"\textdaggerdbl{}",
        "…": r"\dots{}",
        "±": r"$\pm$",
        "–": "--",
        "’": "'",
    }
    return "".join(signs.get(character, character) for character in cell)
