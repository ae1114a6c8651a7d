"""Carry out one step in plain processes, without Ray: for debugging, profiling, and machines that have no Ray.

    python -m trainables RECIPE.json --store STORE [--execution EXECUTION.json]
    torchrun --nproc-per-node 2 -m trainables RECIPE.json --store STORE -x workers=2

`xstilts plan FILE --recipes FOLDER` writes the recipes of a sweep. The steps that a recipe needs must be in the store.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import yaml
from pydantic import ValidationError

from trainables.host import ProcessHost
from trainables.plugins import load_plugins
from trainables.recipe.execution import Execution
from trainables.steps import kind_of, read_recipe
from trainables.steps.run import carry_out
from trainables.store import Leases, Store


def main() -> int:
    """Exit code 0: done; 1: asked to stop before the end, training state saved; 2: the request was wrong."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--store", required=True, help="path or URI of the store")
    parser.add_argument("--execution", type=Path, help="JSON file with the execution")
    parser.add_argument("-x", action="append", default=[], metavar="KEY=VALUE", help="field of the execution")
    arguments = parser.parse_args()
    try:
        fields = json.loads(arguments.execution.read_text()) if arguments.execution else {}
        fields |= {key: yaml.safe_load(value) for key, value in (word.split("=", 1) for word in arguments.x)}
        execution = Execution(**fields)
        load_plugins(execution.plugins)
        recipe = read_recipe(json.loads(arguments.recipe.read_text()))
    except (OSError, ValueError, ValidationError) as error:
        print(f"{arguments.recipe}: {error}", file=sys.stderr)
        return 2
    store, first = Store(arguments.store), os.environ.get("RANK", "0") == "0"
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
            store = Store(arguments.store, owner=leases.owner)
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
