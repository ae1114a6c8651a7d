"""The small sweep that faults happen to, as it ends without any."""

from __future__ import annotations

import pytest
import torch

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import read_spec
from tests.faults.sweep import QUICK, Sweep
from trainables.steps.run import carry_out


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, host):
    """The sweep as it should end, and its store: carried out in this process."""
    sweep = Sweep(tmp_path_factory.mktemp("undisturbed"), **QUICK)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as its workers have
    for step in make_plan(read_spec(sweep.file), str(sweep.file)).steps.values():
        carry_out(step.recipe, step.execution, sweep.store, host())
    torch.set_num_threads(threads)
    return sweep
