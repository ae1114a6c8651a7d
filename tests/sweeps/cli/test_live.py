"""What a person sees of a running sweep: one table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sweeps.cli import live
from sweeps.cli.live import LastReport, View, span
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from tests.sweeps.schedule.test_scheduler import graph
from trainables.host import TrainReport
from trainables.recipe.execution import Execution

REPORT = TrainReport(
    global_step=300,
    global_steps=1200,
    steps_per_second=2.5,
    tokens_per_second=3410.4,
    learning_rate=1e-3,
    dev_value=36.66,
    dev={"accuracy": 36.66},
    curve=((300, 36.66),),
)


@pytest.fixture
def schedule():
    plan, _ = graph([[], [], [0], [1], *([] for _ in range(8))], Execution())
    schedule = Schedule(plan, set(), [NodeShape(2, 0)])
    return schedule


def shown(schedule, terminal):
    """All that is printed of a sweep with a training that goes on, another step, and one that has failed."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, color_system=None)
    with View(schedule, console) as view:
        training, other = schedule.next(), schedule.next()
        for step in (training, other):
            view.started(step)
        view.progress(training, REPORT)
        view.refresh()
        view.ended(other, StepState.FAILED, "no such row\nall that it printed: somewhere")
        schedule.finish(other.id, ok=False)
        view.refresh()
    return training, other, out.getvalue()


def test_lines_say_how_far_how_fast_and_how_long_yet(schedule):
    training, other, text = shown(schedule, terminal=False)
    assert f"0/12  {training.name}: step 300 of 1200  dev accuracy 36.66  3,410 tokens/s  6 min 00 s left" in text
    assert f"{other.name}: failed after 0 s\nno such row\nall that it printed: somewhere\n" in text
    assert "\x1b" not in text
    assert "waiting" not in text


def test_the_table_has_all_that_runs_waits_and_has_failed(schedule, monkeypatch):
    monkeypatch.setattr(live, "EVERY", 0.0)
    training, other, text = shown(schedule, terminal=True)
    last = text.rpartition("tokens/s")[2]
    (running,) = (line for line in last.splitlines() if "running " in line and training.name in line)
    for words in ("300/1200", "3,410", "6 min 00 s", "accuracy 36.66", "━"):
        assert words in running
    assert last.count("waiting ") == 5
    assert "and 4 more" in last
    assert f"failed   {other.name}" in last
    assert "0 done, 1 running, 9 waiting, 1 failed, 1 blocked" in last


def test_of_many_a_few_are_shown_and_all_are_counted():
    plan, ids = graph([[] for _ in range(700)], Execution())
    schedule = Schedule(plan, set(), [NodeShape(600)])
    while schedule.next() is not None:
        pass
    for name in ids[:50]:
        schedule.finish(name, ok=False)
    out = io.StringIO()
    with View(schedule, Console(file=out, force_terminal=True, width=120, height=30, color_system=None)) as view:
        view.refresh()
        view.refresh()  # it is not time to
    text = out.getvalue()
    shown = text[: text.index("\x1b[1A")]
    assert (shown.count("running  "), shown.count("failed   ")) == (14, 5)
    assert [line.strip() for line in shown.splitlines() if " more" in line] == [f"and {n} more" for n in (536, 95, 45)]
    assert "0 done, 550 running, 100 waiting, 50 failed, 0 blocked" in shown
    assert text.count("550 running") == 2  # drawn once, and at the end


def test_time_left_goes_down_between_reports():
    last = LastReport(REPORT, when=100.0)
    assert last.left(100.0) == 360
    assert last.left(160.0) == 300
    assert last.left(10_000.0) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (36000, "10 h 00 min")]
)
def test_times(seconds, text):
    assert span(seconds) == text
