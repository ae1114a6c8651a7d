"""How a node differs from the lock file."""

from pathlib import Path

import pytest

from cluster.lock import NoLock, departures, read_lock
from cluster.requirements import name_of, needs

REPOSITORY = Path(__file__).parents[2]


def test_versions_and_what_is_missing_are_named(tmp_path: Path):
    lock = tmp_path / "lock.txt"
    lock.write_text("# pins\nTorch==2.13.0\nnumpy==2.4.6  # why\nsix==1.0\n\nzope.interface==1\n")
    needed = {name_of(need): "1" for need in needs()}
    here = {**needed, "torch": "2.13.0+cpu", "numpy": "2.4.5", "ZOPE_interface": "1", "six": "1.0", "jupyter": "5"}
    assert departures(here, read_lock(lock)) == ["numpy 2.4.5, lock 2.4.6"]
    del here["ray"]
    assert departures(here, read_lock(lock)) == ["numpy 2.4.5, lock 2.4.6", "ray missing"]


def test_the_lock_file_of_this_project_pins_all_that_it_needs():
    lock = read_lock(REPOSITORY / "constraints.txt")
    assert len(lock) > 100
    assert departures({}, lock)
    assert all("missing" in one for one in departures({}, lock))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"torch 2\n", "line 1: 'torch 2' is no pin"), (b"\xff\xfe", "is no text"), (None, "No such file")],
)
def test_what_is_no_lock_file_is_said(tmp_path: Path, content: bytes | None, said: str):
    lock = tmp_path / "lock.txt"
    if content is not None:
        lock.write_bytes(content)
    with pytest.raises(NoLock, match=said):
        read_lock(lock)
