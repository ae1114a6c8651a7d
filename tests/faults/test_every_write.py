"""A fault at every operation of the store: whatever strikes, running again gives the undisturbed result.

SQLite's way of testing: the operations that a step makes are counted, then the step is carried out once for each of
them and for each kind of fault, and once more without a fault. What is in the store then is compared with what it is
after a run that nothing has disturbed: the same files, no more and no less, the same numbers, weights equal to the bit.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.s3 import KEYS
from tests.faults.stepper import BUILT_ON_THEM, CHANGES, CRASHED, HALVES, KINDS, LOOKS, RAISED
from tests.faults.sweep import BY_THE_CLOCK
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.recipes import DataRecipe
from trainables.store import Files, Store
from trainables.store.folders import FolderFiles
from trainables.store.objects import ObjectFiles

TRAIN = {"log_every": 1, "state_every": 2}


class Stepper:
    """The process that steps are carried out in forks of; see `stepper.py`."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stepper"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **KEYS},
        )

    def do(self, **case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def stepper():
    stepper = Stepper()
    yield stepper
    stepper.process.stdin.close()
    assert stepper.process.wait(60) == 0


class Bench:
    """Small steps, what they need, and what becomes of them undisturbed.

    A store is a folder, or one that is put on the S3 server; the scheme `disk://` opens a folder by way of fsspec, so
    that it is remote for all that is known.
    """

    def __init__(self, world, stepper, folder, scheme, bucket=None):
        self.stepper, self.folder, self.scheme, self.bucket, self.runs = stepper, folder, scheme, bucket, 0
        train = world.train("gen-nli", limit=24, steps=4, evaluate_every=2, batch_size=8, dropout=0.1)
        tokenizer = CheckpointRef(step=world.scratch().tokenizer)
        rows = (*world.rows("gen-nli", "train", "one", limit=7), *world.rows("gen-nli", "test", "two", limit=5))
        prepare = DataRecipe(task=world.spec("gen-nli"), rows=rows, tokenizer=tokenizer, max_length=32)
        evaluate = world.evaluation("gen-nli", CheckpointRef(step=train.id), "one")
        self.recipes = {"prepare": prepare, "train": train, "evaluate": evaluate}
        self.base, self.cache = folder / "base", folder / "cache"
        for need in (tokenizer.step, *train.data_steps, *evaluate.data_steps):
            shutil.copytree(world.store.path(need), self.base / "steps" / need, dirs_exist_ok=True)
        assert self.do("train", self.base, store=str(self.base))["code"] == 0
        self.expected = {}
        for kind in self.recipes:
            undisturbed = self.new(kind)
            assert self.do(kind, undisturbed)["code"] == 0
            self.expected[kind] = self.found(kind, undisturbed)

    def new(self, kind):
        """A new store that holds what a step of this kind needs."""
        self.runs += 1
        folder = self.folder / f"store-{self.runs}"
        shutil.copytree(self.base, folder, copy_function=os.link)
        if kind == "train":
            shutil.rmtree(folder / "steps" / self.recipes["train"].id)
        if self.bucket is not None:
            store = Store(self.uri(folder))
            store.files.upload(folder, store.root)
            shutil.rmtree(folder)
        return folder

    def uri(self, folder):
        if self.bucket is not None:
            return self.bucket.uri(str(folder.relative_to(self.folder.parent)))
        return f"{self.scheme}{folder}"

    def do(self, kind, folder, **case):
        recipe = self.recipes[kind].model_dump(mode="json")
        where = {"store": self.uri(folder), "cache": str(self.cache)}
        return self.stepper.do(**{**where, "recipe": recipe, "execution": TRAIN, **case})

    def found(self, kind, folder):
        """All that can be compared: names of everything in the store, the result, bytes of weights and predictions."""
        step = self.recipes[kind].id
        store = Store(self.uri(folder))
        assert store.check(step) is None
        result = store.record(step)["result"]
        there = store.files.list(store.root, deep=True)
        # A folder that every store has is none that was left, nor is one on the S3 server, which clears them later.
        kept = [e.path[len(store.root) + 1 :] for e in there if e.is_file or not self.bucket]
        names = [name for name in kept if "/" in name]
        ours = [name for name in names if name.startswith(f"steps/{step}/")]
        made = {
            name: store.files.read(store.at(name))
            for name in ours
            if name.endswith((".safetensors", ".jsonl", ".arrow"))
        }
        return names, {key: value for key, value in result.items() if key not in BY_THE_CLOCK}, made

    def attempts(self, kind):
        """How a step is carried out: of training, one that is asked to stop and one that goes on."""
        return [{"stop_after": 3}, {}] if kind == "train" else [{}]

    def operations(self, kind):
        """(number of the attempt, number of the operation, its name) of every operation."""
        folder, found = self.new(kind), []
        for number, attempt in enumerate(self.attempts(kind)):
            answer = self.do(kind, folder, **attempt)
            assert answer["code"] == 0
            found += [(number, i, name) for i, (name, _) in enumerate(answer["operations"])]
        return found

    def strike(self, kind, number, at, name, fault):
        """Carry out a step with a fault, then without, and compare."""
        folder = self.new(kind)
        for attempt in self.attempts(kind)[:number]:
            assert self.do(kind, folder, **attempt)["code"] == 0
        struck = self.do(kind, folder, fault=(at, fault), **self.attempts(kind)[number])
        if fault.startswith("crash"):
            assert struck["code"] == CRASHED
        elif fault != "short write":
            assert struck["code"] == RAISED
            assert "\n" not in struck["said"]
            wanted = "the disk is full" if fault == "disk full" else "Input/output error"
            assert wanted in struck["said"]
        again = self.do(kind, folder)
        assert again["code"] == 0, again
        assert self.found(kind, folder) == self.expected[kind]
        assert not list(self.cache.glob("*.*")), "directories of attempts that have ended"
        store = Store(self.uri(folder))
        store.files.delete_tree(store.root)


PLACES = ["", "disk://", pytest.param("s3://", marks=[pytest.mark.programs, pytest.mark.faults])]


@pytest.fixture(scope="module", params=PLACES, ids=["local", "remote", "s3"])
def bench(request, world, stepper, tmp_path_factory):
    bucket = request.getfixturevalue("bucket") if request.param == "s3://" else None
    return Bench(world, stepper, tmp_path_factory.mktemp("faults"), request.param, bucket)


def every_case(bench, kind):
    return [
        (number, at, name, fault)
        for number, at, name in bench.operations(kind)
        for fault in KINDS
        if fault != "short write" or name in HALVES[2 if bench.bucket else 0 :]
    ]


def some_cases(bench, kind, count):
    """As many cases, drawn anew with each version of the step's operations: each operation and each kind in turn."""
    every = every_case(bench, kind)
    random.Random(str(every)).shuffle(every)
    struck, kinds, chosen = {}, {}, []
    for _ in range(min(count, len(every))):
        case = min(every, key=lambda one: (struck.get(one[:2], 0), kinds.get(one[3], 0)))
        every.remove(case)
        struck[case[:2]] = struck.get(case[:2], 0) + 1
        kinds[case[3]] = kinds.get(case[3], 0) + 1
        chosen.append(case)
    return chosen


@pytest.mark.parametrize(("kind", "count"), [("prepare", 6), ("evaluate", 6), ("train", 3)])
def test_a_fault_at_some_operations_leaves_nothing_behind(bench, kind, count):
    for case in some_cases(bench, kind, count if bench.scheme == "" else count // 3):
        bench.strike(kind, *case)


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["prepare", "evaluate", "train"])
def test_a_fault_at_every_operation_leaves_nothing_behind(bench, kind):
    cases, failed = every_case(bench, kind), []
    for number, case in enumerate(cases):
        try:
            bench.strike(kind, *case)
        except AssertionError as error:
            failed.append((case, str(error)))
        print(f"\r{kind}: {number + 1} of {len(cases)} faults, {len(failed)} failed", end="", flush=True)
    assert not failed


def test_every_operation_of_the_store_is_enumerated():
    """What changes the store is struck by faults; a new operation must say which kind it is."""
    members = {**vars(Files), **vars(FolderFiles), **vars(ObjectFiles)}
    found = {name for name, member in members.items() if callable(member) and not name.startswith("_")}
    assert found == {*CHANGES, *LOOKS, *BUILT_ON_THEM}
