"""Kinds of steps that one process carries out from beginning to end."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.host import Host, StopRequested
from trainables.recipe.execution import Execution
from trainables.steps.base import StepKind
from trainables.steps.records import record_of
from trainables.store import Store


class SingleProcessKind(StepKind):
    """Makes its files in a directory of its own, which becomes the step's when it is committed. A step that is asked to
    stop leaves nothing, and begins anew the next time."""

    def run(self, recipe: Any, execution: Execution, store: Store, host: Host) -> bool:
        began = time.monotonic()
        workdir = store.begin(recipe.id)

        def check_stop() -> None:
            if reason := host.should_stop():
                raise StopRequested(reason)

        try:
            result = self.make(recipe, execution, store, workdir, check_stop)
            store.commit(recipe.id, workdir, record_of(recipe, execution, result, began))
        except StopRequested:
            return False
        finally:
            store.free(workdir)
        return True

    @abstractmethod
    def make(
        self, recipe: Any, execution: Execution, store: Store, workdir: Path, check_stop: Callable[[], None]
    ) -> dict[str, Any]:
        """Write the step's files into `workdir`; its result, as JSON. Calls `check_stop` every few seconds of work: it
        may raise StopRequested."""
