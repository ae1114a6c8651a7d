"""What is left of a Ray of this machine's own is gone when its driver is, however that ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from cluster.local import janitor

pytestmark = pytest.mark.ray

PARENT = """
import os, subprocess, sys, time
from cluster.local.janitor import cleaned_up
with cleaned_up() as folder:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    left = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    left.stdout.readline()  # until it runs, /proc has no environment of it
    print(folder, left.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [None, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_driver_however_it_ended(end):
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    folder, left = parent.stdout.readline().split()
    assert Path(folder).is_dir()
    assert int(left) in janitor.marked(folder)
    if end is None:
        parent.stdin.close()
    else:
        parent.send_signal(end)
    parent.wait(timeout=30)
    until = time.monotonic() + 30
    while (Path(folder).exists() or janitor.marked(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(folder).exists()
    assert janitor.marked(folder) == []


def test_a_folder_of_somebody_else_marks_nothing():
    with tempfile.TemporaryDirectory() as folder:
        assert janitor.marked(folder) == []
        janitor.clean(folder)
        assert not Path(folder).exists()
        os.mkdir(folder)


def test_nothing_of_the_local_ray_listens_beyond_loopback(local_ray):
    of_ray = janitor.marked(os.environ[janitor.MARK])
    sockets = set()
    for process in of_ray:
        for entry in Path(f"/proc/{process}/fd").glob("*"):
            try:
                sockets |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(entry)))
            except OSError:
                continue
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                listening[fields[1]] = fields[0]
    assert listening
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert {address for address in listening if address.split(":")[0] not in loopback} == set()
