"""Code that moves a number raises a version, and a raised version has its numbers recorded."""

from __future__ import annotations

import pytest

from tests.conftest import World
from tests.trainables.golden.trainings import TASKS, moved, numbers_of, recorded, versions_of
from trainables.task_types import all_task_types

RECORD = "record the numbers anew: python -m tests.trainables.golden"


@pytest.fixture(scope="module")
def own_world(tmp_path_factory):
    """A world that no other test has put steps into."""
    return World(tmp_path_factory.mktemp("golden"))


@pytest.mark.deepspeed
@pytest.mark.parametrize("name", TASKS)
def test_numbers_are_those_recorded_or_a_version_was_raised(own_world, name):
    before, versions = recorded().get(name), versions_of(name)
    assert before is not None, f"{name}: there are no numbers yet; {RECORD}"
    now = {"versions": versions, **numbers_of(own_world, name)}
    if before["versions"] != versions:
        pytest.fail(f"{name}: recorded under {before['versions']}, the code says {versions}; {RECORD}")
    lines = moved(before, now)
    mend = "raise the version of what was changed (task type or kind of step), then " + RECORD
    assert not lines, "\n  ".join([f"{name}: the code gives other numbers under the same version; {mend}", *lines])


def test_every_task_type_has_its_numbers():
    types = {one.name for one in all_task_types() if type(one).__module__.startswith("trainables.")}
    assert types == set(TASKS) == set(recorded()), f"name each in TASKS; {RECORD}"


def test_a_number_that_moved_is_named():
    before = {"losses": [1.0, 2.0], "scores": {"one": {"f1": 50.0}}}
    assert moved(before, {"losses": [1.00001, 2.0], "scores": {"one": {"f1": 50.0}}}) == []
    assert moved(before, {"losses": [1.0, 2.001], "scores": {"one": {"f1": 50.0}}}) == [
        "losses 1: 2.0 was recorded, now it is 2.001"
    ]
    assert moved(before, {"losses": [1.0, 2.0], "scores": {"one": {}}}) == [
        "scores one f1: 50.0 was recorded, now it is None"
    ]
    assert moved(before, {"losses": [1.0], "scores": before["scores"]}) == [
        "losses: [1.0, 2.0] was recorded, now it is [1.0]"
    ]
