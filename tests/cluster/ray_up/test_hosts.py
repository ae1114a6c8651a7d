"""`ray up` on machines that are there: real Ray, over real ssh, on hosts with networks of their own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cluster.needs import Needs, Workers
from cluster.ray_up.configuration import configuration, stop_command
from cluster.ray_up.description import Hosts
from tests.cluster.hosts import Host, network, obstacle

REPOSITORY = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
PATIENCE = 240
"""Seconds for a cluster to come up, or to be gone: much more than it takes, as others may use the machine."""
SOONER = ("AUTOSCALER_UPDATE_INTERVAL_S=1", "RAY_gcs_rpc_server_reconnect_timeout_s=5")
"""How often Ray looks whether a node lacks, every 5 s otherwise, and when a worker gives up its lost head: after 60."""

pytestmark = [
    pytest.mark.ray,
    pytest.mark.programs,
    pytest.mark.skipif(obstacle() is not None, reason=str(obstacle())),
    pytest.mark.skipif(SSHD is None or shutil.which("rsync") is None, reason="needs sshd and rsync"),
]


def open_door(hosts: list[Host], folder: Path) -> None:
    """Let each host in at each other by ssh, with a home folder of its own."""
    for name in ("key", "host-key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shell = folder / "shell"
    shell.write_text(
        "#!/bin/bash\n"
        f"export HOME={folder}/home-$(hostname) {' '.join(SOONER)}\n"
        'mkdir -p "$HOME"; touch "$HOME/.bashrc"; cd "$HOME"\n'
        'exec bash -c "${SSH_ORIGINAL_COMMAND:-bash}"\n'
    )
    shell.chmod(0o755)
    server, client = folder / "sshd_config", folder / "ssh_config"
    server.write_text(
        f"HostKey {folder}/host-key\nAuthorizedKeysFile {folder}/key.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
        f"PermitRootLogin yes\nForceCommand {shell}\n"
    )
    client.write_text(f"Host *\n  IdentityFile {folder}/key\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    for host in hosts:
        host.run("mount", "--bind", str(client), "/etc/ssh/ssh_config", check=True)
        host.start(str(SSHD), "-D", "-f", str(server))


def test_a_cluster_comes_up_with_its_token_and_goes(tmp_path: Path):
    home = tmp_path / "home-laptop"
    (home / ".ray").mkdir(parents=True)
    token = home / ".ray" / "auth_token"
    token.write_text("0123456789abcdef" * 4)
    token.chmod(0o600)
    sweep = tmp_path / "study.yaml"
    sweep.write_text("sweep: study\n")
    needs = Needs("study", (str(sweep),), (Workers(2, 1, 0),), str(tmp_path / "runs"), "sqlite:///x", (str(sweep),), ())
    with network(tmp_path, "head", "worker", "laptop") as (head, worker, laptop):
        open_door([head, worker, laptop], tmp_path)
        cluster = Hosts(hosts=(head.address, worker.address), bin=str(BIN), ssh_user="root")
        config = yaml.safe_load(configuration(needs, cluster)["cluster.yaml"])
        file = tmp_path / "cluster.yaml"
        file.write_text(yaml.safe_dump(config))
        env = {**os.environ, "HOME": str(home), "RAY_UP_enable_autoscaler_v2": "0"}

        def on_laptop(*command: str) -> str:
            done = laptop.run(f"{BIN}/{command[0]}", *command[1:], env=env, timeout=PATIENCE)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        on_laptop("ray", "up", "-y", "--no-config-cache", str(file))
        wait(lambda: any("raylet" in line for line in rays(worker)), "no worker")
        look = f"cd {REPOSITORY} && RAY_AUTH_MODE=token {BIN}/xstilts environment constraints.txt --address auto"
        until, said = time.monotonic() + PATIENCE, ""
        while "worker: Python" not in said and time.monotonic() < until:  # it listens before it belongs to the cluster
            said = on_laptop("ray", "exec", str(file), f"{look} || true")
        assert "head: Python" in said
        assert "worker: Python" in said
        reach, stranger = ("-m", "cluster.reach", f"{head.address}:6379"), {**os.environ, "HOME": "/"}
        refused = worker.run(sys.executable, *reach, cwd=REPOSITORY, env=stranger)
        assert refused.returncode == 2
        assert "wants a token" in refused.stderr

        on_laptop("ray", "exec", str(file), stop_command(cluster))
        wait(lambda: not rays(head) + rays(worker), "Ray goes on")


def wait(holds: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, otherwise
        time.sleep(0.2)


def rays(host: Host) -> list[str]:
    """Command lines of Ray's processes there."""
    return [line for line in host.processes().values() if "raylet" in line or "gcs_server" in line or "ray::" in line]
