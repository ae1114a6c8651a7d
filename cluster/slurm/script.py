"""The batch script: `job.sh` of this package, behind the lines that sbatch reads, with what differs put in."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from cluster.needs import CannotRun, Needs
from cluster.slurm.description import SlurmCluster


def script(sweeps: Sequence[Needs], cluster: SlurmCluster, folder: Path, here: Path) -> str:
    """The text of the batch script.

    Args:
        sweeps: one, or several for an array of jobs, one for each.
        cluster: its description.
        folder: where the job's output goes.
        here: the folder in which the sweeps are carried out: relative paths in sweep files begin there.

    Raises:
        CannotRun: some step cannot be placed, or a path is none that sbatch or a container takes.
    """
    gpus = _gpus(sweeps, cluster)
    for needs in sweeps:
        if (obstacle := needs.obstacle(cluster.nodes, cluster.cpus, gpus)) is not None:
            raise CannotRun(obstacle)
    python, xstilts = ("python3", "xstilts") if cluster.image else (sys.executable, str(_beside("xstilts")))
    values = {
        "FOLDER": quote(str(here)),
        "SETUP": "\n".join(cluster.setup),
        "NAMES": " ".join(cluster.environment),
        "SWEEPS": _sweeps(sweeps),
        "INSIDE": " ".join(map(quote, _container(sweeps, cluster, here))),
        "PYTHON": quote(python),
        "XSTILTS": quote(xstilts),
        "SCRATCH": f" --scratch {quote(cluster.scratch)}" if cluster.scratch else "",
        "REQUEUE": "true" if cluster.requeue else "false",
    }
    body = (Path(__file__).parent / "job.sh").read_text()
    body = re.sub("@([A-Z]+)@", lambda found: values[found[1]], body)
    lines = [f"#SBATCH --{option}" for option in _options(sweeps, cluster, gpus, folder)]
    first = "#!/bin/bash\n# Written by `xstilts launch slurm`: Ray on the nodes of this job, and on it the sweep.\n"
    return first + "\n".join(lines) + "\n" + body


def job_name(sweeps: Sequence[Needs]) -> str:
    """Of the job: the sweep, and how many more."""
    return sweeps[0].sweep + (f"+{len(sweeps) - 1}" if len(sweeps) > 1 else "")


def _options(sweeps: Sequence[Needs], cluster: SlurmCluster, gpus: int, folder: Path) -> list[str]:
    own = {
        "partition": cluster.partition,
        "account": cluster.account,
        "qos": cluster.qos,
        "constraint": cluster.constraint,
        "time": cluster.time,
        "mem": cluster.memory,
        "gres": cluster.gres,
        "mail-user": cluster.mail,
        "mail-type": "END,FAIL,REQUEUE" if cluster.mail else None,
        "gpus-per-node": gpus if gpus and cluster.gres is None else None,
        "array": f"0-{len(sweeps) - 1}" if len(sweeps) > 1 else None,
    }
    return [
        f"job-name={job_name(sweeps)}",
        f"nodes={cluster.nodes}",
        "ntasks-per-node=1",
        f"cpus-per-task={cluster.cpus}" if cluster.cpus else "exclusive",
        *(f"{name}={value}" for name, value in own.items() if value is not None),
        f'output="{_pattern(folder / job_name(sweeps))}-%j.out"',
        "open-mode=append",
        "requeue" if cluster.requeue else "no-requeue",
        f"signal=B:USR1@{cluster.notice}",
        *cluster.sbatch,
    ]


def _gpus(sweeps: Sequence[Needs], cluster: SlurmCluster) -> int:
    """Of each node: as said, or as many as the largest step takes."""
    if cluster.gres is not None:
        count = cluster.gres.rpartition(":")[2]
        return int(count) if count.isdigit() else 1
    if cluster.gpus is not None:
        return cluster.gpus
    return max(needs.gpus_per_machine(cluster.nodes) for needs in sweeps)


def _sweeps(sweeps: Sequence[Needs]) -> str:
    """Lines that set `sweep` to what `xstilts run` is called with; secrets are named, for whoever reads the script."""
    arrays = [f"sweep=({' '.join(map(quote, needs.arguments))})" for needs in sweeps]
    if len(arrays) > 1:
        cases = (f"{number}) {line} ;;" for number, line in enumerate(arrays))
        arrays = ['case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac"]
    secrets = dict.fromkeys(name for needs in sweeps for name in needs.secrets)
    if secrets:
        arrays.append(f"# From the environment that sbatch was called in, where they are set: {', '.join(secrets)}")
    return "\n".join(arrays)


def _container(sweeps: Sequence[Needs], cluster: SlurmCluster, here: Path) -> list[str]:
    """What stands before a command that is to run in the container; nothing without one."""
    if cluster.image is None:
        return []
    read = dict.fromkeys([str(here), *(path for needs in sweeps for path in needs.paths)])
    if odd := [path for path in read if set(path) & set(",:\n")]:
        raise CannotRun(f"{odd[0]}: a container cannot see a path with a comma, a colon or the end of a line in it")
    if cluster.runtime == "pyxis":
        mounts = ",".join([*(f"{path}:{path}" for path in read), *cluster.mounts])
        return [f"--container-image={cluster.image}", f"--container-mounts={mounts}", f"--container-workdir={here}"]
    binds = [word for mount in (*read, *cluster.mounts) for word in ("--bind", mount)]
    return ["apptainer", "exec", "--nv", *binds, "--pwd", str(here), cluster.image]


def _pattern(path: Path) -> str:
    """A path as `#SBATCH --output` takes it within double quotes."""
    text = str(path)
    if "\n" in text or "\\" in text:
        raise CannotRun(f"--to: {text!r}: sbatch takes no path with a backslash or the end of a line in it")
    return text.replace("%", "%%").replace('"', '\\"')


def _beside(program: str) -> Path:
    """A program of this environment."""
    return Path(sys.executable).parent / program
