"""Handing a batch script to Slurm."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MENDS = {
    "partition": "`sinfo -s` lists the partitions, give another --partition",
    "account": "`sacctmgr show associations user=$USER` lists the accounts, give another --account",
    "qos": "`sacctmgr show qos` lists them, give another --qos",
    "time limit": "`sinfo -s` shows the limits, give a shorter --time or another --partition",
    "node configuration": "`sinfo -N -l` shows what nodes have, give less of --nodes, --cpus, --gpus, --memory",
    "gres": "`sinfo -o '%P %G'` shows which partitions have GPUs, give another --partition, or other --gpus or --gres",
    "feature": "`sinfo -o '%N %f'` lists the features, give another --constraint",
    "node count": "`sinfo -s` shows how many there are, give fewer --nodes",
}
"""What to do, by words of what sbatch says."""


class Refused(RuntimeError):
    """Slurm does not take the job; the message is one line with what it says."""


def submit(script: Path) -> str:
    """Hand a script to sbatch; the id of its job. Raises Refused."""
    try:
        done = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise Refused(
            "there is no sbatch on this machine: call this where jobs are submitted, or without --submit"
        ) from None
    except subprocess.TimeoutExpired:
        raise Refused("sbatch does not answer within two minutes: see `sinfo` and `scontrol ping`") from None
    if done.returncode:
        lines = [re.sub(r"^sbatch: (error: )?", "", line).strip() for line in done.stderr.splitlines()]
        said = "; ".join(filter(None, lines)) or "it says nothing"
        mend = next((mend for word, mend in MENDS.items() if word in said.lower()), f"see {script}")
        raise Refused(f"sbatch refuses the job ({said}): {mend}")
    return done.stdout.strip().partition(";")[0]
