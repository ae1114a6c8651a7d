"""The report as it is written: the page, the figures, the files, the command."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from PIL import Image
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.report.figures import heat_maps, signed
from sweeps.report.files import latex, markdown, tex
from sweeps.report.page import render
from sweeps.report.published import PUBLISHED
from sweeps.report.study import Study
from sweeps.report.write import write_report
from trainables.tasks.benchmarks import BENCHMARKS

HOSTILE = "<img src=x onerror=alert(1)>&\"'{{7*7}} $\\x$"


@pytest.fixture(scope="module")
def study(made_up):
    return Study.of(made_up)


@pytest.fixture(scope="module")
def report(made_up, tmp_path_factory):
    """The folder of the made-up sweep's report."""
    folder = tmp_path_factory.mktemp("report")
    paths = write_report(made_up, folder, {})
    assert all(path.is_file() for path in paths)
    return folder


class Page(HTMLParser):
    """What a page consists of: tags with their attributes, in order, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def test_the_page_needs_nothing_beside_itself(report):
    page = Page((report / "report.html").read_text())
    assert not page.all("link", "iframe", "object", "embed", "video", "audio")
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert all("src" not in script for script in page.all("script"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"url\(|@import", (report / "report.html").read_text())


def test_figures_have_words_and_tables_have_headings(report):
    page = Page((report / "report.html").read_text())
    images = page.all("img")
    assert len(images) == 1 + 1 + 4  # the answer's figure, then heat maps
    assert all(len(image["alt"] or "") > 60 for image in images)
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    inside = {attributes["href"] for attributes in page.all("a") if (attributes["href"] or "").startswith("#")}
    assert {f"#{one}" for one in ids} >= inside


def test_every_difference_stands_on_the_page_with_its_interval(report, study):
    text = Page((report / "report.html").read_text()).text
    for score in study.tested("small"):
        low, high = score.difference.interval
        assert f"{signed(low)} to {signed(high)}" in text


def test_without_a_server_nothing_is_linked(report):
    page = Page((report / "report.html").read_text())
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))


def test_with_a_server_every_cell_is_linked_to_its_run(study):
    runs = "http://mlflow:5000/#/experiments/1/runs"
    links = {cell.evaluation: f"{runs}/{cell.evaluation}" for cell in study.results.cells}
    page = Page(render(study, [], {}, links))
    linked = {link["href"] for link in page.all("a") if not (link["href"] or "").startswith("#")}
    assert linked == set(links.values())


def test_what_comes_from_the_sweep_file_is_text(changed, fields, tmp_path):
    """An intermediate's name is free; it stays the same training, so the store has it."""
    named = {**fields, "intermediates": ["none", {"name": HOSTILE, "tasks": ["gen-nli"]}]}
    results = changed(fields=named)
    assert results.missing == 0
    write_report(results, tmp_path, {})
    page = Page((tmp_path / "report.html").read_text())
    assert HOSTILE in page.text
    assert all((image["src"] or "").startswith("data:") and "onerror" not in image for image in page.all("img"))
    assert len(page.all("script")) == 1
    assert r"\&" in (tmp_path / "small-table.tex").read_text()


def test_the_heat_map_is_a_picture_of_the_table(report, study):
    main, *by_target = heat_maps(study, "small")
    assert [one.name for one in by_target] == [f"small-heatmap-{target}" for target in study.targets]
    picture = Image.open(report / "small-heatmap.png").convert("RGB")
    assert picture.width > 800
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    # Purple, for what is better: red and blue above green by far.
    assert any(min(red, blue) > green + 40 for red, green, blue in colours)
    _, svg, _ = main.draw()
    for score in study.tested("small"):
        assert signed(score.difference.value) in svg
    assert "none" not in main.rows
    assert main.legend == "* holds at 5 % after Holm's correction"
    assert main.below[0] == f"{study.averages['small', 'zero-shot', 'none', 'gen-nli'].entry.mean:.1f}"


def test_the_same_numbers_give_the_same_files(made_up, report, tmp_path):
    for path in write_report(made_up, tmp_path, {}):
        if path.suffix in (".html", ".csv", ".md", ".tex", ".png"):
            assert path.read_bytes() == (report / path.name).read_bytes(), path.name


def test_parquet_and_csv_have_every_score(report, study):
    table = pq.read_table(report / "report.parquet").to_pylist()
    rows = list(csv.DictReader(io.StringIO((report / "report.csv").read_text())))
    assert len(table) == len(rows) == len(study.scores())
    for ours, theirs, score in zip(table, rows, study.scores(), strict=True):
        assert ours["mean"] == pytest.approx(score.entry.mean) == pytest.approx(float(theirs["mean"]))
        if score.difference is not None:
            assert ours["low"] < ours["difference"] < ours["high"]
            assert float(theirs["p"]) == pytest.approx(score.difference.p)
        else:
            assert ours["p"] is None
            assert theirs["p"] == ""


def test_markdown_and_latex_say_the_same(study):
    score = study.averages["small", "zero-shot", "gen-qa", "gen-nli"]
    mean, sd = f"{score.entry.mean:.1f}", f"{score.entry.sd:.1f}"
    difference = signed(score.difference.value) + ("*" if score.sure else "")
    assert f"| {mean} ±{sd} ({difference}) |" in markdown(study, "small")
    text = latex(study, "small")
    assert rf"{mean}{{\scriptsize\,$\pm${sd}}} ({difference})" in text
    assert text.count(r"\\") == 1 + 3
    for line in ("\\toprule", "\\midrule", "\\bottomrule", r"\begin{tabular}{lrrrrrr}"):
        assert line in text
    assert tex("a_b & 5 % #1 {x} ~ ^ \\") == (
        r"a\_b \& 5 \% \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )


def test_the_command_writes_it_and_says_where(made_up, tmp_path):
    file = Path(made_up.store.root).parent / "sweep.yaml"
    done = CliRunner().invoke(app, ["report", str(file), "--to", str(tmp_path / "here")])
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "here" / "report.html") in done.stdout.replace("\n", "")
    assert {"report.html", "numbers.csv"} <= {path.name for path in (tmp_path / "here").iterdir()}


@pytest.mark.parametrize(
    ("other", "figures"),
    [
        ({"intermediates": ["none"]}, 0),
        ({"intermediates": ["gen-nli"]}, 0),
        ({"targets": ["gen-pairs"]}, 3),
        ({"models": {"small": None, "large & co": None}}, 11),
        ({"seeds": [1, 2, 5]}, 5),
    ],
)
def test_sweeps_of_other_shapes_have_a_report_too(changed, fields, tmp_path, other, figures):
    """A part of the grid, two names of one model, a seed of which nothing is done."""
    if "models" in other:
        other = {"models": dict.fromkeys(other["models"], fields["models"]["small"])}
    paths = write_report(changed(fields={**fields, **other}), tmp_path, {})
    assert sum(path.suffix == ".png" for path in paths) == figures
    text = Page(paths[0].read_text()).text
    assert ("this sweep has not both" in text) == (figures == 0)
    assert len(Page(paths[0].read_text()).all("h1")) == 1


def test_a_run_ends_with_the_report_and_logs_it(changed, fields, monkeypatch):
    """All is done, so the run starts nothing; of the grid the smallest part, since every step gets a run in MLflow."""
    results = changed(fields=fields)
    root = Path(results.store.root).parent
    monkeypatch.chdir(root)
    part = ["-o", "seeds=[1]", "-o", "targets=[gen-nli]", "-o", "intermediates=[none,gen-qa]"]
    done = CliRunner().invoke(app, ["run", "sweep.yaml", *part])
    assert done.exit_code == 0, done.output
    page = root / "store" / "results" / "reported" / "report.html"
    assert f"report       {page}" in done.stdout
    logged = MlflowClient(f"sqlite:///{root / 'store' / 'mlflow.db'}")
    experiment = logged.get_experiment_by_name("xstilts").experiment_id
    (parent,) = logged.search_runs([experiment], "tags.`xstilts.sweep` = 'reported'")
    names = {file.path for file in logged.list_artifacts(parent.info.run_id, "results")}
    assert {"results/report.html", "results/small-heatmap.png", "results/report.parquet"} <= names


def test_the_command_says_that_nothing_is_done(sweep_file):
    done = CliRunner().invoke(app, ["report", str(sweep_file())])
    assert done.exit_code == 2
    assert "no cell is done yet; xstilts run" in done.stderr.replace("\n", " ")


def test_published_averages_are_those_of_their_rows():
    """The source rounds every figure, so its total is the mean of the others up to that."""
    for row in PUBLISHED:
        tasks = {name: figure for name, figure in row.scores.items() if name != "average"}
        assert tasks.keys() <= {entry.task for entry in BENCHMARKS["xtreme"]}
        if "average" in row.scores:
            mean = sum(figure.value for figure in tasks.values()) / len(tasks)
            assert mean == pytest.approx(row.scores["average"].value, abs=0.2)
