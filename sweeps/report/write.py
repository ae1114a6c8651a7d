"""Write the whole report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sweeps.report.figures import heat_maps
from sweeps.report.files import write_files
from sweeps.report.page import Picture, render
from sweeps.report.questions import Drawing, answers_of
from sweeps.report.questions.files import write_answer
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
            pictures.setdefault(model, []).append(_draw(figure, folder, paths))
    answers = []
    for answer in answers_of(study):
        paths += write_answer(answer, folder)
        answers.append((answer, [_draw(figure, folder, paths) for figure in answer.figures]))
    page.write_text(render(study, answers, pictures, links), encoding="utf-8")
    return [page, *paths]


def _draw(figure: Drawing, folder: Path, paths: list[Path]) -> Picture:
    png, svg, inches = figure.draw()
    paths.append(folder / f"{figure.name}.png")
    paths[-1].write_bytes(png)
    return Picture(figure.title, figure.caption, figure.text, svg, round(96 * inches))
