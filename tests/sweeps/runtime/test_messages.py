"""What crosses the boundary to Ray arrives as it was sent."""

from __future__ import annotations

import pytest
from ray.tune.utils import flatten_dict

from sweeps.runtime.messages import TrialReport
from sweeps.schedule.states import StepState
from trainables.host import TrainReport

PROGRESS = TrainReport(
    global_step=20,
    global_steps=100,
    steps_per_second=2.5,
    dev_value=61.0,
    dev={"f1": 61.0, "accuracy": 80.0},
    curve=((10, 55.5), (20, 61.0)),
    learning_rate=1e-3,
    tokens_per_second=900.0,
)
REPORTS = [
    TrialReport(state=StepState.RUNNING, step="train-1", progress=PROGRESS),
    TrialReport(state=StepState.DONE, step="train-1"),
    TrialReport(state=StepState.FAILED, error="out of memory", kind="memory"),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.state.value)
@pytest.mark.parametrize("passed_on", [dict, flatten_dict])
def test_a_report_is_read_as_it_was_sent(report, passed_on):
    # Tune gives callbacks the report itself, and schedulers and search algorithms a flattened one.
    result = passed_on({**report.to_ray(), "trial_id": "1", "config": {"step": "a"}})
    assert TrialReport.of(result) == report


def test_a_trial_that_says_nothing_has_failed():
    report = TrialReport.of({"trial_id": "1"})
    assert report.state is StepState.FAILED
    assert report.outcome.error == "the trial ended without saying how"
