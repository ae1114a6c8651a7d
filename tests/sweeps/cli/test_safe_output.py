"""What data of others holds reaches a terminal as text, and never as something that the terminal obeys."""

from __future__ import annotations

import io
import json

import pytest
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from sweeps.cli.console import SafeConsole, complain, write_json
from sweeps.cli.main import app, main

EVIL = "a\x1b[2J\x1b]0;x\x07\x9b2J\u202e[red]b[/]"
SAFE = r"a\x1b[2J\x1b]0;x\x07\x9b2J\u202e[red]b[/]"


@pytest.mark.parametrize("terminal", [True, False])
def test_tables_and_lines_show_escapes_and_brackets_as_they_are(terminal):
    out = io.StringIO()
    console = SafeConsole(file=out, width=120, force_terminal=terminal)
    table = Table(title=EVIL, title_justify="left")
    table.add_column(EVIL)
    table.add_row(EVIL, Text("done", "green"))
    console.print(table)
    console.print(EVIL, highlight=False)
    found = out.getvalue()
    assert found.count("[red]b[/]") == 4
    assert not {"\x07", "\x9b", "\u202e"} & set(found)
    assert "\x1b[2J" not in found
    assert "\x1b]" not in found
    assert ("\x1b[32m" in found) is terminal  # the green is ours


def test_json_is_safe_and_reads_back(capsys):
    write_json({EVIL: ["naïve 中文", EVIL, 1.5]})
    found = capsys.readouterr().out
    assert json.loads(found) == {EVIL: ["naïve 中文", EVIL, 1.5]}
    assert "naïve 中文" in found
    assert all(one.isprintable() or one == "\n" for one in found)


def test_a_complaint_is_one_short_line(capsys):
    complain([f"file: {EVIL} {'x' * 10**6}; mend it\nnow"])
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) <= 300
    assert line.startswith("file: " + SAFE)
    assert line.endswith("x; mend it now")


def test_data_check_shows_what_rows_hold_without_obeying_it(sweep_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = tmp_path / "data" / "rows" / "xnli"
    rows.mkdir(parents=True)
    row = {"id": "1", "text_a": "x", "text_b": "y", "label": EVIL}
    (rows / "test-fr.jsonl").write_text(json.dumps(row) + "\n")
    target = {"task": "xnli", "train_on": "gen-nli", "languages": ["fr"]}
    file = sweep_file(targets=[target], data="data", training={"all": {"steps": 1, "max_length": 64}})
    for words in (["data", "check", str(file)], ["data", "check", str(file), "--json"], ["plan", str(file)]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code in (1, 2), done.output
        assert r"\x1b" in done.output or r"\u001b" in done.output
        assert all(one.isprintable() or one == "\n" for one in done.output)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "FILE", "--to", "FILE"], "--to: "),
        (["export", "FILE", "--format", "xtreme", "--to", "/proc/none/x"], "--to: "),
        (["plan", "FILE", "--recipes", "FILE"], "--recipes: "),
        (["plan", "FILE", "--recipes", "/proc/none/x"], "--recipes: "),
        (["track", "FILE", "-o", "tracking=sqlite:////proc/none/x.db"], 'tracking: "/proc/none" cannot be written'),
        (["track", "FILE", "-o", "storage=/proc/none"], 'storage: "/proc/none" cannot be written'),
        (["plan", "FILE", "--nodes", EVIL], f"--nodes {SAFE}"),
        (["plan", "FILE", "--nodes", "10001x8"], "--nodes 10001x8: give at most 10,000 nodes"),
        (["plan", "FILE", "--nodes", "2x8x999"], "--nodes 2x8x999: give NxCPUS"),
        (["plan", "FILE", "--nodes", "0x8"], "--nodes 0x8: give NxCPUS or NxCPUSxGPUS"),
        (["run", "FILE", "--nodes", "2x8"], "--nodes: says what a cluster may grow to; give also --address"),
        (["plan", "x" * 3000], "cannot be read (File name too long)"),
        (["plan", EVIL], SAFE),
        (["score", "FILE", "FILE"], "no such folder"),
        *(
            (["run", "FILE", "--address", one], "no address of a Ray cluster")
            for one in ("x y", "http://h:1", "h:x", EVIL)
        ),
    ],
)
def test_what_cannot_be_written_or_read_is_one_line(sweep_file, tmp_path, monkeypatch, capsys, words, said):
    file = sweep_file()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("signal.signal", lambda *_: None)  # `run` takes the signals of its process
    monkeypatch.setattr("sys.argv", ["xstilts", *(str(file) if word == "FILE" else word for word in words)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    found = capsys.readouterr()
    line, *more = found.err.splitlines()
    assert said in line
    assert all(one == line for one in more)
    assert len(line) <= 300
    assert sorted(tmp_path.rglob("*")) == before
