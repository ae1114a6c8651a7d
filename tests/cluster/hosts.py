"""Hosts on this machine, for tests of what spans several: each has its own network, name, processes, shared memory and
`/tmp/ray`, by Linux namespaces, and all are on one network. They see the same files otherwise. Root only.

    with network(tmp_path, "head", "worker") as (head, worker):
        server = head.start("ray", "start", "--head", "--block")
        worker.run("ping", "-c", "1", "head", check=True)
        worker.power_off()

Nothing of them outlives the process that made them, however it ends: their first processes end when their standard
input closes, and with the first process of a host all of its processes and its network are gone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

NETWORK = "10.77.0"
OWN = ("/tmp/ray",)
"""Folders of which each host has one of its own."""
HOST = ("--net", "--uts", "--ipc", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
PROGRAMS = ("ip", "unshare", "nsenter", "mount", "hostname")


@cache
def obstacle() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"hosts want the program {missing[0]}"
    if os.geteuid() != 0:
        return "hosts want root"
    bridge = ("unshare", *HOST, "ip", "link", "add", "bridge", "type", "bridge")
    done = subprocess.run(bridge, capture_output=True, text=True)
    return f"hosts want namespaces: {done.stderr.strip()}" if done.returncode else None


class Host:
    """A host; `network` makes them.

    Args:
        name: by which the others find it.
        address: on the network.
        init: its first process, with which it ends.
        pid: of a process in its namespaces.
    """

    def __init__(self, name: str, address: str, init: subprocess.Popen, pid: int) -> None:
        self.name, self.address = name, address
        self._init, self._pid = init, pid

    def command(self, *command: str, cwd: Path | str = "/") -> list[str]:
        """`command` as it is to be started here to run there."""
        namespaces = ("--net", "--uts", "--ipc", "--mount", "--pid")
        # A local Ray of this process says by this variable that gloo keeps to loopback.
        clean = ("env", "--unset=GLOO_SOCKET_IFNAME")
        there = (*clean, "sh", "-c", 'cd "$0" && exec "$@"', str(cwd), *command)
        return ["nsenter", f"--target={self._pid}", *namespaces, *there]

    def run(self, *command: str, cwd: Path | str = "/", **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end; its outputs are caught, as text. Options: those of `subprocess.run`."""
        caught = {"capture_output": True, "text": True, "timeout": 300}
        return subprocess.run(self.command(*command, cwd=cwd), **{**caught, **options})

    def start(self, *command: str, cwd: Path | str = "/", **options: Any) -> subprocess.Popen[str]:
        """Start a command there, in a session of its own. Options: those of `subprocess.Popen`."""
        return subprocess.Popen(self.command(*command, cwd=cwd), text=True, start_new_session=True, **options)

    def processes(self) -> dict[int, str]:
        """The command lines of its processes, by their ids there; those with which it began left out."""
        own, found = os.readlink(f"/proc/{self._pid}/ns/pid"), {}
        for process in (Path("/proc") / name for name in os.listdir("/proc") if name.isdigit()):
            with suppress(OSError):  # it has ended
                if os.readlink(process / "ns/pid") == own:
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    there = re.search(r"^NSpid:.*\s(\d+)$", (process / "status").read_text(), re.MULTILINE)
                    assert there is not None
                    found[int(there[1])] = line
        return {process: line for process, line in found.items() if process != 1 and line not in ("cat", "")}

    def power_off(self) -> None:
        """End it at once, with all of its processes."""
        self._init.kill()
        self._init.wait()


@contextmanager
def network(folder: Path, *names: str) -> Iterator[list[Host]]:
    """Hosts of these names on one network, 10.77.0.1 and so on.

    Args:
        folder: for what each has for itself.
    """
    addresses = {name: f"{NETWORK}.{i}" for i, name in enumerate(names, 1)}
    known = folder / "hosts"
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in addresses.items())]
    known.write_text("\n".join(lines) + "\n")
    with ExitStack() as stack:
        _, switch = stack.enter_context(_first_process(("--net", "--fork", "--kill-child"), "ip link set lo up"))
        _in_network(switch, "link add bridge type bridge", "link set bridge up")
        hosts = []
        for i, (name, address) in enumerate(addresses.items(), 1):
            mounts = [f"mount --bind {shlex.quote(str(known))} /etc/hosts", "mount -t tmpfs -o size=2g tmpfs /dev/shm"]
            for own in OWN:
                Path(own).mkdir(parents=True, exist_ok=True)
                of_host = folder / name / own.strip("/").replace("/", "-")
                of_host.mkdir(parents=True)
                mounts.append(f"mount --bind {shlex.quote(str(of_host))} {own}")
            setup = " && ".join(("ip link set lo up", f"hostname {name}", *mounts))
            init, pid = stack.enter_context(_first_process(HOST, setup))
            _in_network(
                switch, f"link add port{i} type veth peer name eth0 netns {pid}", f"link set port{i} master bridge up"
            )
            # A default route, so that whoever asks for the address of the way out finds the one on this network.
            _in_network(pid, f"addr add {address}/24 dev eth0", "link set eth0 up", "route add default dev eth0")
            hosts.append(Host(name, address, init, pid))
        yield hosts


@contextmanager
def _first_process(namespaces: tuple[str, ...], setup: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """A process in new namespaces, ready after `setup`: the one that holds it, and its process id here."""
    # A shell, since the first process of a host is the parent of its orphans, and has to wait for them.
    script = f"{{ {setup}; }} && echo ready && cat; exit"
    command = ("unshare", *namespaces, "bash", "-c", script)
    holder = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "ready\n":
            raise OSError(f"no host: {holder.stderr.read()}")
        pid = int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0])
        yield holder, pid
    finally:
        holder.kill()  # and its child with it
        holder.communicate()


def _in_network(pid: int, *commands: str) -> None:
    """Have `ip` do these in the network of a process."""
    for command in commands:
        subprocess.run(["nsenter", f"--target={pid}", "--net", "ip", *command.split()], check=True)
