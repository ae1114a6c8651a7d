"""Record the golden numbers anew, where a version was raised: `python -m tests.trainables.golden`.

It refuses where a number moved and no version was raised.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.conftest import World
from tests.trainables.golden.trainings import RECORDED, TASKS, moved, numbers_of, recorded, versions_of


def main() -> int:
    before, after, refused = recorded(), {}, 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name in TASKS:
            now = {"versions": versions_of(name), **numbers_of(world, name)}
            old = before.get(name, {})
            lines = moved(old, now)
            after[name] = now if lines else old
            if lines and old.get("versions") == now["versions"]:
                refused += 1
                print(f"{name}: a number moved, and no version was raised", *lines, sep="\n  ")
            else:
                print(f"{name}: {'recorded' if lines else 'as it was'}")
    if refused:
        print("nothing is written: raise the version of what was changed, or mend the change")
        return 1
    RECORDED.write_text(json.dumps(after, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
