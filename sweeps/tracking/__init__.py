"""MLflow: one run for the sweep, one nested run for each step. The driver alone writes; workers know nothing of it.

    driver --append--> journal (a file) --one thread--> MLflow
             tracker      journal           sender       runs

Nothing of it can stop or slow training: the driver's hand in it is one line in a file for each event, and the thread
that sends tries again until MLflow answers. What it has not sent when the driver ends, or is killed, the next
`xstilts run` or `xstilts track` sends. Sending twice does no harm (`runs`), so nobody has to know how far it came.

Everything that a run shows of a done step can be read again from the store, so steps that another sweep (or another
day) carried out get their run here too, and a lost MLflow can be made again.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported: it would tell its makers

from sweeps.tracking.results import STEP, SWEEP
from sweeps.tracking.runs import PARENT
from sweeps.tracking.tracker import Tracker

__all__ = ["PARENT", "STEP", "SWEEP", "Tracker"]
