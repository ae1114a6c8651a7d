"""A real Slurm, for tests: a controller and two nodes, each on a host of its own (`tests.cluster.hosts`).

    with slurm(tmp_path) as lab:
        job = lab.call("sbatch", "--parsable", str(script))
        lab.wait(job, "COMPLETED")

Two partitions: `main`, whose jobs are preempted by those of `high`: they get SIGTERM, and are queued again 60 seconds
later. Processes are tracked by control groups, as on most clusters: a job's signals reach what Slurm has started, and
its SIGKILL whatever came of that. Munge and Slurm have their files, keys and sockets under the lab's folder; nothing is
read from or written to /etc.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster import hosts
from tests.cluster.hosts import Host, network

CPUS = 4
"""Of each node, whatever this machine has."""
SECONDS = 600
"""After which what does not come is a failure of the test."""
SCRATCH = "/tmp/ray"
"""The disk that each node has for itself."""
GROUPS = Path("/sys/fs/cgroup/freezer")
CONF = """
ClusterName=lab
SlurmctldHost=control
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/cgroup
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
JobRequeue=1
EnforcePartLimits=ALL
KillWait=30
SlurmdTimeout=5
MinJobAge=3600
MailProg=/bin/true
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
NodeName={nodes} CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes={nodes} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=high Nodes={nodes} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=off
"""
Seen = TypeVar("Seen")
_QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def obstacle() -> str | None:
    """Why there can be no lab here; None where there can."""
    programs = ("slurmctld", "slurmd", "sbatch", "munged", "ss")
    if missing := [name for name in programs if shutil.which(name) is None]:
        return f"Slurm wants the program {missing[0]}"
    if not GROUPS.is_dir():
        return f"Slurm wants {GROUPS} here, to keep its processes together"
    return hosts.obstacle()


def until(found: Callable[[], Seen], what: str, seconds: float = SECONDS) -> Seen:
    """What `found` gives as soon as it gives something; fails, with what is missing, where it does not."""
    end = time.monotonic() + seconds
    while not (seen := found()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return seen


class Lab:
    """The cluster; `slurm` makes it.

    Attributes:
        nodes: by their names.
    """

    def __init__(self, folder: Path, control: Host, nodes: list[Host]) -> None:
        self.folder, self.control, self.nodes = folder, control, {node.name: node for node in nodes}
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "TMPDIR": SCRATCH}
        control.start("slurmctld", "-D", env=self.environment, **_QUIET)
        for name in self.nodes:
            self.start(name)
        until(lambda: self.states() == ["idle", "idle"], "two idle nodes")

    def start(self, name: str) -> None:
        """Start slurmd on a node."""
        (self.folder / f"spool.{name}").mkdir(exist_ok=True)
        self.nodes[name].start("slurmd", "-D", "-N", name, env=self.environment, **_QUIET)

    def call(self, *command: str, **options: Any) -> str:
        """What a command says on the control host. Options: those of `subprocess.run`."""
        done = self.control.run(*command, **{"env": self.environment, "cwd": self.folder, **options})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def states(self) -> list[str]:
        """Of the nodes; of none while the controller does not answer."""
        found = self.control.run("sinfo", "-h", "-N", "-p", "main", "-o", "%t", env=self.environment)
        return found.stdout.split()

    def shown(self, job: str) -> dict[str, str]:
        """What Slurm has of a job."""
        words = self.call("scontrol", "show", "job", "-o", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, job: str, *states: str, seconds: float = SECONDS) -> str:
        """Wait until a job is in one of these states; the state."""

        def state() -> str | None:
            now = self.shown(job)["JobState"]
            return now if now in states else None

        return until(state, f"{job} is {' or '.join(states)}", seconds) or ""

    def again(self, job: str) -> None:
        """Have a job that is queued again start now: Slurm itself waits two minutes."""
        self.wait(job, "PENDING")
        until(lambda: not self.call("squeue", "-h", "-t", "completing"), "nothing is ending")
        self.call("scontrol", "update", f"JobId={job}", "StartTime=now")

    def lose(self, name: str) -> None:
        """Kill every process of a node at once, slurmd among them."""
        while left := [str(pid) for pid in self.nodes[name].processes()]:
            self.nodes[name].run("kill", "-KILL", *left)

    def left(self) -> list[str]:
        """Processes on the nodes beside Slurm's own, ports that somebody listens at, and files on the nodes' disks."""
        found = []
        for name, node in self.nodes.items():
            found += [f"{name}: {line}" for line in node.processes().values() if not line.startswith("slurmd ")]
            listening = node.run("ss", "-Hltn").stdout.splitlines()
            found += [f"{name}: {line}" for line in listening if ":6818 " not in line]
            found += [
                f"{name}: {file}" for file in node.run("find", SCRATCH, "/dev/shm", "-mindepth", "1").stdout.split()
            ]
        return found


@contextmanager
def slurm(folder: Path) -> Iterator[Lab]:
    """The cluster, with its files in `folder`."""
    folder.mkdir(parents=True)
    (folder / "state").mkdir()
    # Names that no other lab on this machine has: control groups are called by them.
    names = [f"lab{os.getpid()}n{number}" for number in (1, 2)]
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    (folder / "slurm.conf").write_text(CONF.format(folder=folder, cpus=CPUS, nodes=",".join(names)))
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    files = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed", "key-file": "key"}
    own = [f"--{option}={folder}/munge.{name}" for option, name in files.items()]
    try:
        with network(folder, "control", *names) as (control, *nodes):
            control.start("munged", "--foreground", "--force", *own, **_QUIET)
            yield Lab(folder, control, nodes)
    finally:
        for name in names:  # what slurmd leaves of its groups, which hold nothing any more
            for group in sorted(GROUPS.glob(f"slurm_{name}/**/"), reverse=True):
                group.rmdir()
