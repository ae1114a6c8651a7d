"""The command `xstilts score`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sweeps.cli.main import app
from trainables.suites import SUITES, file_of

run = CliRunner()


@pytest.fixture
def folders(tmp_path):
    """Predictions and labels of two tasks; of one of them, a language has no predictions."""
    tasks = SUITES["xtreme"].tasks
    for side, content in (("predictions", "1\n0\n"), ("labels", "1\n1\n")):
        for name in ("pawsx", "xnli"):
            (tmp_path / side / name).mkdir(parents=True)
            for language in tasks[name].languages:
                file_of(tmp_path / side, tasks[name], language).write_text(content)
    file_of(tmp_path / "predictions", tasks["xnli"], "sw").unlink()
    return [str(tmp_path / "predictions"), str(tmp_path / "labels")]


def test_scores_are_shown_and_what_is_missing_is_named(folders):
    done = run.invoke(app, ["score", *folders])
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.split() for line in done.output.splitlines() if line.strip()}
    assert rows["pawsx"] == ["pawsx", "7", "of", "7", "accuracy", "50.00", "50.00"]
    assert rows["xnli"] == ["xnli", "14", "of", "15", "…"]
    assert rows["udpos"][-1] == rows["classification"][-1] == rows["total"][-1] == "…"
    assert "missing: xnli (no predictions of sw)" in done.output
    assert "missing: udpos (no predictions, no labels)" in done.output


def test_scores_for_programs(folders):
    done = run.invoke(app, ["score", *folders, "--json", "--suite", "xtreme-r"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["suite"], found["total"]) == ("xtreme-r", None)
    assert found["missing"]["xnli"] == {"predictions": ["sw"], "labels": []}
    assert found["tasks"]["xnli"]["languages"]["ar"] == {"accuracy": 50.0}
    assert "pawsx" not in found["tasks"]


def test_a_whole_suite_has_a_total(tmp_path):
    for side in ("predictions", "labels"):
        for task in SUITES["xtreme"].tasks.values():
            for language in task.languages:
                path = file_of(tmp_path / side, task, language)
                path.parent.mkdir(parents=True, exist_ok=True)
                answers = [{"paragraphs": [{"qas": [{"id": "a", "answers": [{"text": "x"}]}]}]}]
                json_text = json.dumps({"a": "x"} if side == "predictions" else answers)
                path.write_text(json_text if task.layout == "answers" else "B-X\n")
    done = run.invoke(app, ["score", str(tmp_path / "predictions"), str(tmp_path / "labels")])
    assert done.exit_code == 0, done.output
    assert "missing" not in done.output
    (total,) = (line for line in done.output.splitlines() if line.split()[:1] == ["total"])
    assert total.split()[-1] == "100.00"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--suite", "glue"], "--suite glue: xtreme or xtreme-r"), ([], "nowhere: no such folder")],
)
def test_a_request_that_is_wrong_is_one_line(tmp_path, arguments, words):
    done = run.invoke(app, ["score", str(tmp_path / "nowhere"), str(tmp_path), *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output + done.stderr


def test_scoring_imports_neither_torch_nor_ray(folders):
    code = (
        "import sys\nfrom sweeps.cli.main import app\n"
        f"app(['score', *{folders!r}, '--json'], standalone_mode=False)\n"
        "assert not {'torch', 'ray', 'transformers', 'datasets', 'mlflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
