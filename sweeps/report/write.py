"""Write the whole report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sweeps.report.figures import heat_maps
from sweeps.report.files import write_files
from sweeps.report.page import Picture, render
from sweeps.report.study import Study
from sweeps.results.results import Results

PAGE = "report.html"


def write_report(results: Results, folder: Path, links: Mapping[str, str]) -> list[Path]:
    """Write the report of what is done into `folder`; what was written, the page first.

    `links`: URL of a step's run in MLflow, by step; steps without one are not linked.

    Raises ValueError where what the store has does not fit together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    study = Study.of(results)
    page, paths = folder / PAGE, write_files(study, folder)
    pictures: dict[str, list[Picture]] = {}
    for model in study.models:
        for figure in heat_maps(study, model):
            png, svg, inches = figure.draw()
            paths.append(folder / f"{figure.name}.png")
            paths[-1].write_bytes(png)
            picture = Picture(figure.title, figure.caption, figure.text, svg, round(96 * inches))
            pictures.setdefault(model, []).append(picture)
    page.write_text(render(study, pictures, links), encoding="utf-8")
    return [page, *paths]
