"""Carries out steps, each in a fork of this process, with a fault at one operation of the store, if asked to.

Run as a module, it imports what steps import, once, and then reads one case per line of standard input (JSON: `store`,
`cache`, `recipe`, `execution`, `stop_after`, `fault`), answering with a line each: `code` of the fork, what it did
(`operations` of the store, each with its path), `said` (the error that ended it). Faults are none of the store's
business: they come in by the argument that says what carries out its file operations.
"""

from __future__ import annotations

import copy
import errno
import functools
import json
import os
import signal
import sys
from pathlib import Path

from tests.faults import disk  # noqa: F401  registers disk://
from trainables.store import Leases, Store, clear, leases
from trainables.store.files import telling
from trainables.store.objects import ObjectFiles

CHANGES = ("write", "move", "create", "make_dir", "delete", "delete_tree", "upload", "sync")
LOOKS = ("reachable", "exclusive", "is_file", "is_dir", "read", "list", "sizes", "download")
BUILT_ON_THEM = ("replace",)
KINDS = ("crash before", "crash after", "io error", "disk full", "short write")
HALVES = ("write", "create", "upload", "delete_tree")
"""Operations that can be done by half; an object is there as a whole or not at all, so the first two cannot there."""
CRASHED, RAISED = 9, 3  # exit codes
SECONDS = 120


def faulty(files, fault=None, crash=lambda: os._exit(CRASHED)):
    """File operations of which one, counted from 0, goes wrong in a given way."""
    made = copy.copy(files)
    made.__class__ = _faulty_class(type(files))
    made.at, made.kind = fault or (-1, "")
    made.crash, made.operations = crash, []
    return made


@functools.cache
def _faulty_class(base):
    return type("Faulty", (base,), {name: _faulty(base, name) for name in CHANGES if hasattr(base, name)})


def _faulty(base, name):
    plain = getattr(base, name)

    @functools.wraps(plain)
    def operation(self, *arguments):
        number = len(self.operations)
        path = str(arguments[-1] if name in ("move", "upload") else arguments[0])
        self.operations.append((name, path))
        if number != self.at:
            return plain(self, *arguments)
        if self.kind == "crash before":
            self.crash()
        if self.kind == "crash after":
            plain(self, *arguments)
            self.crash()
        if self.kind == "short write":
            return _half(base, self, name, *arguments)
        with telling(path):
            if self.kind == "disk full":
                _half(base, self, name, *arguments)
            number = errno.ENOSPC if self.kind == "disk full" else errno.EIO
            raise OSError(number, os.strerror(number))

    return operation


def _half(base, files, name, *arguments):
    """Half of what an operation is to do, said to be all of it."""
    if name in ("write", "create") and not issubclass(base, ObjectFiles):
        path, data = arguments
        return getattr(base, name)(files, path, data[: len(data) // 2])
    if name == "upload":
        directory, path = arguments
        for file in sorted(p for p in Path(directory).rglob("*") if p.is_file())[::2]:
            base.write(files, f"{path}/{file.relative_to(directory)}", file.read_bytes())
    if name == "delete_tree":
        for entry in files.list(arguments[0], deep=True)[::2]:
            if entry.is_file:
                base.delete(files, entry.path)
    return None


def carry_out_case(case):
    """One case, in this process; what `main` answers."""
    from trainables.host import ProcessHost
    from trainables.recipe.execution import Execution
    from trainables.steps import read_recipe
    from trainables.steps.run import carry_out

    class Host(ProcessHost):
        asked = 0

        def should_stop(self):
            self.asked += 1
            return "the test" if self.asked == case.get("stop_after") else None

    os.environ["XSTILTS_CACHE"] = case["cache"]
    made = []

    def files(plain):
        made.append(faulty(plain, case.get("fault")))
        return made[-1]

    recipe = read_recipe(case["recipe"])
    plain = Store(case["store"])
    said = None
    # As `xstilts run` has it: what is damaged does not count, the step is carried out, remains are cleared.
    with Leases(plain.files, plain.root) as held:
        assert held.acquire(recipe.id), held.holder(recipe.id)
        if plain.done(recipe.id) and plain.check(recipe.id) is not None:
            plain.reject(recipe.id)
        if not plain.done(recipe.id):
            store = Store(case["store"], owner=held.owner, files=files)
            try:
                carry_out(recipe, Execution(**case["execution"]), store, Host())
            except OSError as error:
                said = f"{type(error).__name__}: {error}"
        held.release(recipe.id)
        if "fault" not in case:
            clear(plain, held)
    return {"code": RAISED if said else 0, "said": said, "operations": made[-1].operations if made else []}


def main():
    leases.SEEN = 0.0  # a driver at a time, and no delay on a disk
    import trainables.data.prepare
    import trainables.steps.preload  # noqa: F401

    for line in sys.stdin:
        inlet, outlet = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            try:
                answer = carry_out_case(json.loads(line))
                os.write(outlet, json.dumps(answer).encode())
                os._exit(answer["code"])
            finally:  # an error of the test or of the program: shown, and no answer
                import traceback

                traceback.print_exc()
                os._exit(1)
        os.close(outlet)
        with os.fdopen(inlet) as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        answer = json.loads(text) if text else {"said": None, "operations": []}
        print(json.dumps({**answer, "code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
