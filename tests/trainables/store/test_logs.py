"""What a step prints is in its file: by Python, by what is not Python, by its children; attempts after one another."""

from __future__ import annotations

import os
import subprocess
import sys

from trainables.store import Store
from trainables.store.logs import logged, logs_of

DRIVER = """
import logging, os, subprocess, sys
from trainables.store.logs import logged
from trainables.store import Store

print("before")
for attempt in (1, 2):
    try:
        with logged(Store(sys.argv[1]), "step", 3):
            print("by Python", attempt)
            logging.warning("by a logger")
            os.write(2, b"by its number\\n")
            subprocess.run(["sh", "-c", "echo by a child"])
            if attempt == 2:
                raise ValueError("what ended it")
    except ValueError:
        pass
print("after")
"""


def test_all_that_a_step_prints_is_in_its_file_and_nothing_else(tmp_path):
    told = subprocess.run([sys.executable, "-c", DRIVER, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout == "before\nafter\n"
    assert told.stderr == ""
    text = (logs_of(Store(str(tmp_path))) / "step" / "3.log").read_text()
    first, second = text.split("---")[1:]
    for part, attempt in ((first, 1), (second, 2)):
        for words in (f"by Python {attempt}", "by a logger", "by its number", "by a child", "UTC, process"):
            assert words in part
    assert "Traceback" not in first
    assert second.rstrip().endswith("ValueError: what ended it")


def test_where_no_file_can_be_written_the_step_goes_on(tmp_path, capfd):
    (tmp_path / "logs").write_text("a file, where a folder should be")
    with logged(Store(str(tmp_path)), "step", 0):
        os.write(1, b"words\n")
    assert capfd.readouterr().out == "words\n"


def test_of_a_remote_store_the_logs_are_on_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    store = Store("memory://somewhere")
    with logged(store, "step", 0):
        os.write(1, b"far away")
    assert (logs_of(store) / "step" / "0.log").is_relative_to(tmp_path / "cache")
    assert "far away" in (logs_of(store) / "step" / "0.log").read_text()
