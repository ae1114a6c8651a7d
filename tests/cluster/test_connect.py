"""Connecting, and that workers are forks of the process that has imported the heavy modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from cluster.connect import connected

pytestmark = pytest.mark.ray


def test_a_process_that_is_connected_stays_connected(local_ray):
    with connected(None) as (node,):
        assert (node.cpus, node.gpus, node.gpu_type) == (2, 0, "")
        assert node.memory > 2**28
    assert ray.is_initialized()


def test_workers_find_the_heavy_modules_imported_and_failures_come_through(local_ray):
    @ray.remote
    def modules():
        import os
        import sys

        return "torch" in sys.modules, open(f"/proc/{os.getppid()}/cmdline").read()

    imported, parent = ray.get(modules.remote())
    assert imported
    assert "fork_server.py" in parent

    @ray.remote
    def fails():
        raise ValueError("said by the worker")

    with pytest.raises(ValueError, match="said by the worker"):
        ray.get(fails.remote())


def test_a_killed_worker_is_noticed(local_ray):
    @ray.remote(max_retries=0)
    def dies():
        import os

        os.kill(os.getpid(), 9)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(dies.remote(), timeout=60)


def test_an_address_without_a_cluster_is_said_in_one_line():
    address = "127.0.0.1:2"
    done = subprocess.run(
        [sys.executable, "-c", f"from cluster.connect import connected\nwith connected('{address}'): pass"],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert f"Unreachable: no Ray cluster answers at {address}" in done.stderr.splitlines()[-1]


def test_a_mode_that_wants_a_token_where_none_is_said_in_one_line(tmp_path: Path):
    env = {**os.environ, "HOME": str(tmp_path), "RAY_AUTH_MODE": "token"}
    env = {name: value for name, value in env.items() if name not in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")}
    command = [sys.executable, "-m", "cluster.reach", "127.0.0.1:1"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("RAY_AUTH_MODE=token wants a token, and none is here: put ")
    assert done.stderr.count("\n") == 1
