"""Any process of a sweep may die at any moment: the numbers stay those of the undisturbed run, nothing finished is
done again, and nothing is left behind.

A handful of the strikes; `make faults N=50` draws as many as one likes.
"""

from __future__ import annotations

import random
import shutil
import signal

import pytest

from tests.faults.strikes import cut_state, ends, spoil_record
from tests.faults.sweep import CONTROL, QUICK, WORKER, Sweep

pytestmark = pytest.mark.ray


@pytest.fixture
def sweep(undisturbed, tmp_path):
    """The same sweep, its data prepared, nothing trained."""
    shutil.copytree(undisturbed.store.root, tmp_path / "store")
    sweep = Sweep(tmp_path, **QUICK)
    sweep.forget("train", "evaluate")
    yield sweep
    sweep.abandon()


def check(sweep, undisturbed, before):
    assert sweep.results() == undisturbed.results()
    after = sweep.finished()
    assert {step: after[step] for step in before} == before
    assert sweep.leftovers() == []


def test_a_sweep_survives_the_death_of_its_processes_and_of_its_driver(sweep, undisturbed):
    sweep.start()
    assert sweep.await_states(), sweep.said()  # before it trains, Ray Train itself would make a new worker
    for title in (WORKER, CONTROL):
        assert sweep.strike(title), sweep.said()
    sweep.await_said("to be tried again")
    assert sweep.await_process(WORKER)
    sweep.driver.kill()
    sweep.end()
    before = sweep.finished()
    assert sweep.finish() == 1, sweep.said()
    check(sweep, undisturbed, before)


@pytest.mark.faults
def test_the_driver_may_be_killed_and_terminated(sweep, undisturbed):
    draw = random.Random(1)
    sweep.start()
    assert sweep.await_process(WORKER)
    sweep.driver.kill()
    sweep.end()
    before = sweep.finished()
    said = ends(signal.SIGTERM)(sweep, draw)
    assert "exit -" not in said, sweep.said()
    before |= sweep.finished()
    assert sweep.finish() == 1
    check(sweep, undisturbed, before)


@pytest.mark.faults
@pytest.mark.parametrize("harm", [cut_state, spoil_record])
def test_what_was_damaged_is_made_again(sweep, undisturbed, harm):
    said = harm(sweep, random.Random(2))
    assert sweep.finish() == 1, said
    assert sweep.results() == undisturbed.results()
    assert sweep.leftovers() == []
