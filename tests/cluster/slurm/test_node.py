"""A node of Ray under Slurm, as far as it shows without one: its folder, and what keeps it from starting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.slurm import node
from cluster.slurm.node import MARK, NodeError, _said, own_folder, remove, start

JOB = {"SLURM_JOB_ID": "7", "SLURM_NODEID": "0"}


def test_a_folder_of_its_own_and_what_killed_jobs_left_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(node, "ROOM", 0)
    first, lock = own_folder(str(tmp_path), JOB)
    (first / "file").write_text("of Ray")
    assert first.stat().st_mode & 0o777 == 0o700
    with pytest.raises(NodeError, match="another task"):
        own_folder(str(tmp_path), JOB)
    other, other_lock = own_folder(None, {**JOB, "SLURM_JOB_ID": "8", "SLURM_TMPDIR": str(tmp_path)})
    assert first.exists()  # its lock is held: the job lives
    lock.close()  # as when it was killed
    process = subprocess.Popen(["sleep", "100"], env={**os.environ, MARK: str(first)})
    monkeypatch.setenv("PLACE", str(tmp_path))
    again, lock = own_folder("$PLACE", {**JOB, "SLURM_JOB_ID": "9"})
    assert not first.exists()
    assert process.wait(10) == -9
    remove(again, lock)
    remove(other, other_lock)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_or_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(node, "ROOM", 2**80)
    with pytest.raises(NodeError, match=r"GiB are free, Ray wants .* on the node's own disk: free some, or give"):
        own_folder(None, {**JOB, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match=r"cannot be used for Ray's files .* give another --scratch"):
        own_folder(str(tmp_path / "file"), JOB)


def test_no_token(tmp_path):
    with pytest.raises(NodeError, match="RAY_AUTH_TOKEN is not in the environment"):
        start(tmp_path, "127.0.0.1:20000", JOB)


def test_of_what_ray_says_the_line_that_tells():
    output = """\x1b[0m2026-11-28 09:29:26,820\tINFO scripts.py:1234 -- Local node IP: 10.77.0.3
Traceback (most recent call last):
  File "node.py", line 440, in __init__
Exception: The current node timed out during startup. This could happen because
2026-11-28 09:29:27,000\tINFO scripts.py:1234 -- more
"""
    assert _said(output).startswith("Exception: The current node timed out during startup.")
    assert _said("") == "it said nothing"


def test_what_is_wrong_is_told_in_a_line(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    command = (sys.executable, "-P", "-m", "cluster.slurm.node", "--address", "h:1", "--scratch", str(place))
    done = subprocess.run(command, env={**os.environ, **JOB}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "failed\n")
    assert done.stderr.startswith("xstilts: ")
    assert len(done.stderr.splitlines()) == 1
    assert Path(place).exists()
