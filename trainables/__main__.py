"""Carry out one step in plain processes, without Ray: for debugging, profiling, and machines that have no Ray.

    python -m trainables RECIPE.json --store STORE
    torchrun --nproc-per-node 2 -m trainables RECIPE.json --store STORE -x workers=2

`xstilts plan FILE --recipes FOLDER` writes the recipes of a sweep, and beside each its execution
(`RECIPE.execution.json`), which is read unless `--execution` names another. The steps that a recipe needs must be in
the store.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trainables.failure import NonRetryable
from trainables.host import ProcessHost
from trainables.outside.fields import explained
from trainables.outside.json import read_json
from trainables.outside.text import Unreadable, bounded, shown
from trainables.outside.yaml import parse_yaml
from trainables.plugins import load_plugins
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import Recipe
from trainables.steps import get_step_kind, kind_of, read_recipe
from trainables.steps.run import carry_out
from trainables.store import Leases, Store, StoreError


def main() -> int:
    """Exit code 0: done; 1: asked to stop before the end, training state saved; 2: the request was wrong."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--store", required=True, help="path or URI of the store")
    parser.add_argument("--execution", type=Path, help="JSON file; by default the one beside the recipe")
    parser.add_argument("-x", action="append", default=[], metavar="KEY=VALUE", help="field of the execution")
    arguments = parser.parse_args()
    try:
        execution = _execution(arguments.recipe, arguments.execution, arguments.x)
        load_plugins(execution.plugins)
        recipe = _recipe(arguments.recipe)
        rank = _rank(execution.workers if kind_of(recipe).distributed else 1)
        return _carry_out(recipe, execution, arguments.store, rank == 0)
    except (Unreadable, NonRetryable, StoreError) as error:
        print(bounded(str(error)), file=sys.stderr)
        return 2


def _execution(recipe: Path, file: Path | None, words: list[str]) -> Execution:
    beside = recipe.with_suffix(".execution.json")
    if file is None and beside.is_file():
        file = beside
    fields: Any = read_json(file) if file is not None else {}
    if not isinstance(fields, dict):
        raise Unreadable(f"{file}: {shown(fields)} is no mapping of fields of an execution")
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise Unreadable(f"-x {shown(word)[1:-1]}: write it as -x field=value")
        fields[key] = parse_yaml(value, f"-x {shown(key)[1:-1]}")
    try:
        return Execution(**fields)
    except ValidationError as error:
        raise Unreadable(f"{file or '-x'}: {explained(error, Execution)[0]}") from None


def _recipe(file: Path) -> Recipe:
    fields = read_json(file)
    mend = "`xstilts plan FILE --recipes FOLDER` writes recipes"
    if not isinstance(fields, dict):
        raise Unreadable(f"{file}: {shown(fields)} is no recipe; {mend}")
    try:
        return read_recipe(fields)
    except ValidationError as error:
        kind = get_step_kind(str(fields.get("kind")))
        raise Unreadable(f"{file}: {explained(error, kind.recipe)[0]}; {mend}") from None
    except ValueError as error:
        raise Unreadable(f"{file}: kind: {error}; {mend}") from None


def _rank(workers: int) -> int:
    """Which of the workers this process is, as torchrun says it in the environment."""
    found = {}
    for name, otherwise in (("RANK", "0"), ("WORLD_SIZE", "1")):
        text = os.environ.get(name, otherwise)
        if not text.isascii() or not text.isdigit() or len(text) > 6:
            raise Unreadable(f"{name}: {shown(text)} in the environment is no whole number; unset it, or use torchrun")
        found[name] = int(text)
    rank, world = found["RANK"], found["WORLD_SIZE"]
    if rank >= world:
        raise Unreadable(f"RANK: {rank} in the environment, of {world} (WORLD_SIZE); unset both, or use torchrun")
    if world != workers:
        raise Unreadable(
            f"workers: the execution asks for {workers}, and torchrun (WORLD_SIZE) started {world}: start it by "
            f"`torchrun --nproc-per-node {workers} -m trainables ...`, or give -x workers={world}"
        )
    return rank


def _carry_out(recipe: Recipe, execution: Execution, uri: str, first: bool) -> int:
    store = Store(uri)
    missing = [need for need in recipe.needs if not store.done(need)]
    if missing:
        print(
            f"{recipe.id} needs {', '.join(missing)}, not in {store.uri}: carry these out first",
            file=sys.stderr,
        )
        return 2
    if store.done(recipe.id):
        print(f"{recipe.id} is done: {store.locate(recipe.id)}")
        return 0
    # Of several workers the first one alone changes what is in the store under the step's name.
    with Leases(store.files, store.root) if first else nullcontext() as leases:
        if leases is not None:
            if not leases.acquire(recipe.id) or store.done(recipe.id):
                holder = leases.holder(recipe.id)
                print(f"{recipe.id} is, or was a moment ago, being carried out by {holder}; try again", file=sys.stderr)
                return 2
            store = Store(uri, owner=leases.owner)
        done = carry_out(recipe, execution, store, ProcessHost())
        if kind_of(recipe).distributed:
            from trainables.training.engine import leave

            leave()
    if not done:
        print(f"{recipe.id} was stopped; its training state is saved, the same command goes on")
        return 1
    print(f"{recipe.id} is done: {store.locate(recipe.id)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
