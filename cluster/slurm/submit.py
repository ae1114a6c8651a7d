"""Handing a batch script to Slurm."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


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
        raise Refused(f"sbatch refuses the job ({'; '.join(filter(None, lines)) or 'it says nothing'})")
    return done.stdout.strip().partition(";")[0]
