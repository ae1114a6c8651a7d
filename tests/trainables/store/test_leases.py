"""Leases: one holder at a time, whoever races; the dead are found out by the observer's own clock; fencing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Thread

import pytest
from pyarrow.fs import LocalFileSystem

from trainables.store import LeaseLost, Leases, Store, StoreError
from trainables.store.folders import FolderFiles

QUICK = {"beat": 0.02, "ttl": 0.2}


def names(store, folder):
    return sorted(store.files.sizes(store.at(folder)))


def test_one_holds_a_lease_until_it_gives_it_back(store):
    with Leases(store.files, store.root, **QUICK) as one, Leases(store.files, store.root, **QUICK) as two:
        assert one.acquire("s")
        assert one.acquire("s")
        assert not two.acquire("s")
        assert two.acquire("other")
        assert two.holder("s") == one.holder("s") == f"process {os.getpid()} on {os.uname().nodename}"
        one.release("s")
        assert two.holder("s") is None
        assert two.acquire("s")
        assert not one.acquire("s")
    assert names(store, "leases") == names(store, "owners") == []


def test_an_owner_without_a_heartbeat_is_taken_over_by_its_observers_clock(store, monkeypatch):
    silent = Leases(store.files, store.root, beat=3600, ttl=3600)
    monkeypatch.setattr("trainables.store.process._machine", lambda: "")  # as if it were another machine
    with silent, Leases(store.files, store.root, **QUICK) as other:
        assert silent.acquire("s")
        began = time.monotonic()
        while not other.acquire("s"):
            time.sleep(0.01)
        assert 0.2 <= time.monotonic() - began < 10
        assert Store(store.uri, owner=other.owner).begin("s").is_dir()
        with pytest.raises(LeaseLost, match=f"s: its lease is that of {other.owner}"):
            Store(store.uri, owner=silent.owner).begin("s")
        assert names(store, "leases") == ["s.2"]


def test_one_that_beats_is_never_taken_over(store, monkeypatch):
    monkeypatch.setattr("trainables.store.process._machine", lambda: "")
    with Leases(store.files, store.root, **QUICK) as one, Leases(store.files, store.root, **QUICK) as two:
        assert one.acquire("s")
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            assert not two.acquire("s")
            time.sleep(0.005)


def test_no_wall_clock_has_a_say(store, monkeypatch):
    jumps = iter(range(10**6))
    # Each look at the clock is a day later than the one before; then a year earlier.
    monkeypatch.setattr(time, "time", lambda: next(jumps) * 86_400.0)
    monkeypatch.setattr(time, "time_ns", lambda: -(10**18))
    monkeypatch.setattr("trainables.store.process._machine", lambda: "")
    with Leases(store.files, store.root, **QUICK) as one, Leases(store.files, store.root, **QUICK) as two:
        assert one.acquire("s")
        for _ in range(100):
            assert not two.acquire("s")
            time.sleep(0.005)
        one.release("s")
        assert two.acquire("s")


def test_a_pause_of_the_observer_says_nothing_of_the_owner(tmp_path, monkeypatch):
    """Both were suspended, say: the observer's clock has jumped over the time to live, the owner could not beat."""
    store = Store(str(tmp_path))
    now = [0.0]
    monkeypatch.setattr("trainables.store.process._machine", lambda: "")
    monkeypatch.setattr("trainables.store.leases.time.monotonic", lambda: now[0])
    one, two = Leases(store.files, store.root), Leases(store.files, store.root)
    one._write(1)
    assert one.acquire("s")
    assert not two.acquire("s")
    now[0] += 10_000
    assert not two.acquire("s")
    one._write(2)
    now[0] += 10
    assert not two.acquire("s")
    for _ in range(5):
        now[0] += 10
        assert not two.acquire("s")
    now[0] += 10
    assert two.acquire("s")


HOLD = """
import sys, time
from trainables.store import Leases, Store
store = Store(sys.argv[1])
with Leases(store.files, store.root) as leases:
    assert leases.acquire("s")
    print(leases.owner, flush=True)
    time.sleep(600)
"""


def test_a_killed_process_of_this_machine_is_taken_over_at_once(tmp_path):
    store = Store(str(tmp_path))
    holder = subprocess.Popen([sys.executable, "-c", HOLD, store.root], stdout=subprocess.PIPE, text=True)
    owner = holder.stdout.readline().strip()
    with Leases(store.files, store.root) as leases:
        assert not leases.acquire("s")
        assert leases.holder("s").startswith(f"process {holder.pid} on")
        os.kill(holder.pid, signal.SIGKILL)
        while Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        began = time.monotonic()
        assert leases.acquire("s")  # also before anyone has waited for it
        assert time.monotonic() - began < 1
        with pytest.raises(LeaseLost):
            Store(store.uri, owner=owner).commit("s", tmp_path, {})
    holder.wait()


def test_a_lease_that_was_cut_off_while_it_was_written_goes_stale(store):
    store.files.write(store.at("leases", "s.7"), b"")
    with Leases(store.files, store.root, **QUICK) as leases:
        assert not leases.acquire("s")
        assert leases.holder("s") == "a driver that has just begun"
        while not leases.acquire("s"):
            time.sleep(0.01)
        assert names(store, "leases") == ["s.8"]


def test_every_change_of_a_step_looks_at_its_lease(store):
    with Leases(store.files, store.root, **QUICK) as leases:
        mine = Store(store.uri, owner=leases.owner)
        assert leases.acquire("s")
        made = mine.begin("s")
        scratch = mine.state_scratch("s")
        (scratch / "n").mkdir()
        (scratch / "n" / "shard").write_text("x")
        mine.upload_state("s", scratch, "n")
        leases.release("s")
        for change in (
            lambda: mine.begin("s"),
            lambda: mine.complete_state("s", "n", {}),
            lambda: mine.commit("s", made, {}),
            lambda: mine.reject("s"),
        ):
            with pytest.raises(LeaseLost, match="its lease is nobody's"):
                change()
        assert issubclass(LeaseLost, StoreError)
        assert leases.acquire("s")
        mine.commit("s", made, {})
        assert store.done("s")


def test_a_store_that_is_away_for_a_while_costs_no_heartbeat_thread(tmp_path):
    store = Store(str(tmp_path / "store"))
    with Leases(store.files, store.root, **QUICK) as leases:
        (tmp_path / "store").rename(tmp_path / "away")
        (tmp_path / "store").write_text("")  # as a mount point that lost its disk: every operation fails
        time.sleep(0.2)
        (tmp_path / "store").unlink()
        (tmp_path / "away").rename(tmp_path / "store")
        file = tmp_path / "store" / "owners" / f"{leases.owner}.json"
        before = json.loads(file.read_text())["beats"]
        time.sleep(0.2)
        assert json.loads(file.read_text())["beats"] > before


class Late(FolderFiles):
    """Does something else first, once, when a lease is about to be created: the worst moment to be held up."""

    first = None

    def create(self, path, data):
        if self.first is not None:
            before, self.first = self.first, None
            before()
        return super().create(path, data)


def test_who_was_held_up_before_creating_a_lease_takes_it_from_nobody(tmp_path):
    """Late has seen a stale lease; before it creates number 2, one driver has taken that over and given it back, and
    the next one holds number 1."""
    store = Store(str(tmp_path))
    late = Leases(Late(LocalFileSystem()), store.root)
    one, two = (Leases(store.files, store.root) for _ in range(2))
    for driver in (late, one, two):
        driver._write(0)
        driver.expired = lambda name: name == "dead"
    store.files.write(store.at("leases", "s.1"), b"dead")

    def others():
        assert one.acquire("s")
        one.release("s")
        assert two.acquire("s")

    late._files.first = others
    assert not late.acquire("s")
    assert names(store, "leases") == ["s.1"]
    Store(store.uri, owner=two.owner).begin("s")
    two.release("s")
    assert late.acquire("s")


# --- races ---------------------------------------------------------------------------------------------------


def race(root, tries, report):
    """Take and give one lease again and again; in between, nobody else may be inside."""
    store, inside, taken, broken = Store(root), Path(root) / "inside", 0, 0
    with Leases(store.files, store.root) as leases:
        for _ in range(tries):
            if leases.acquire("s"):
                taken += 1
                try:
                    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                    os.unlink(inside)
                except FileExistsError:
                    broken += 1
                leases.release("s")
    report.put((taken, broken))


def test_processes_that_race_for_one_lease_are_never_both_inside(tmp_path):
    context = multiprocessing.get_context("fork")
    report = context.Queue()
    racers = [context.Process(target=race, args=(str(tmp_path), 1500, report)) for _ in range(3)]
    for racer in racers:
        racer.start()
    found = [report.get(timeout=120) for _ in racers]
    for racer in racers:
        racer.join()
    assert [broken for _, broken in found] == [0, 0, 0]
    assert sum(taken for taken, _ in found) > 100
    assert names(Store(str(tmp_path)), "leases") == []


def test_of_all_who_take_over_a_stale_lease_exactly_one_gets_it(tmp_path):
    """Threads with a driver each, let loose at the same moment on the lease of a dead one, many times."""
    store = Store(str(tmp_path))
    drivers = [Leases(store.files, store.root) for _ in range(4)]
    for driver in drivers:
        driver._write(0)
        driver.expired = lambda name: name == "dead"  # the verdict on the others; what is tested is the taking over
    rounds = 300
    gates = Barrier(len(drivers))
    winners = [[] for _ in range(rounds)]

    def run(driver):
        for number in range(rounds):
            if gates.wait() == 0:
                store.files.write(store.at("leases", f"s{number}.1"), b"dead")
            gates.wait()
            if driver.acquire(f"s{number}"):
                winners[number].append(driver.owner)

    threads = [Thread(target=run, args=(driver,)) for driver in drivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(map(len, winners)) == 1
    assert sum(map(len, winners)) == rounds
