"""How long `xstilts plan` takes: the whole process, from the start of Python to its end.

    python tests/benchmarks/plan_speed.py [RUNS]

Plans the published study for 64 GPUs (as a draft: no data is needed) in a process of its own, some times over. Ends
with 1 where even the fastest takes longer than the limit, which is meant for two idle cores.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import sweeps

STUDY = Path(sweeps.__file__).parent / "paper.yaml"
COMMAND = (sys.executable, "-c", "from sweeps.cli.main import main; main()", "plan", str(STUDY), "--gpus", "64")
SECONDS = 3.0


def main() -> None:
    """Print wall and CPU time of each run."""
    walls = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        began = time.monotonic()
        process = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        walls.append(time.monotonic() - began)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(COMMAND)}: exit code {process.returncode}")
        print(f"wall {walls[-1]:.2f} s, CPU {used.ru_utime + used.ru_stime:.2f} s, {used.ru_maxrss / 1024:.0f} MiB")
    print(f"wall: median {statistics.median(walls):.2f} s, fastest {min(walls):.2f} s; limit {SECONDS} s")
    sys.exit(min(walls) > SECONDS)


if __name__ == "__main__":
    main()
