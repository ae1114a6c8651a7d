"""That hosts made of namespaces are hosts: what is one's own, and that nothing is left of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.hosts import network, obstacle

pytestmark = [pytest.mark.programs, pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))]


def test_hosts_reach_each_other_and_share_nothing_but_files(tmp_path):
    with network(tmp_path, "one", "two") as (one, two):
        assert one.run("hostname").stdout == "one\n"
        listening = one.start(
            "python3", "-c", "import socket; s = socket.create_server(('10.77.0.1', 80)); s.accept()[0].send(b'yes')"
        )
        said = "import socket, sys; sys.stdout.write(socket.create_connection(('one', 80), 5).recv(3).decode())"
        until = time.monotonic() + 20
        while (answer := two.run("python3", "-c", said)).returncode and time.monotonic() < until:
            time.sleep(0.1)
        assert answer.stdout == "yes"
        listening.wait(20)
        sleeper = two.start("sleep", "1000")
        until = time.monotonic() + 20
        while list(two.processes().values()) != ["sleep 1000"]:
            assert time.monotonic() < until, two.processes()
            time.sleep(0.1)
        assert one.processes() == {}
        one.run("sh", "-c", "touch /tmp/ray/mine /dev/shm/mine", check=True)
        assert two.run("sh", "-c", "ls /tmp/ray /dev/shm").stdout == "/dev/shm:\n\n/tmp/ray:\n"
        assert two.run("pwd", cwd=tmp_path).stdout == f"{tmp_path}\n"
        two.power_off()
        sleeper.wait(20)
        assert one.run("hostname").stdout == "one\n"
    assert not Path("/tmp/ray/mine").exists()
