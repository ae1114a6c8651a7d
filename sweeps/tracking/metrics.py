"""The numbers of runs, on their way to MLflow: sent in batches, and each once, however often it is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from mlflow.entities import Metric

from sweeps.tracking import limits
from trainables.steps import Point

MetricLink = dict[str, str]
"""The logged model and the data set that a number is of, as `Metric` names them."""


class MetricBuffer:
    """Waits for `flush`. What a run has already is asked of MLflow once for each name."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[int, float]] = {}
        self._new: set[str] = set()
        self._waiting: dict[str, list[Metric]] = {}

    def begin(self, run_id: str) -> None:
        """A run has just been made, and has no number yet."""
        self._new.add(run_id)

    def forget(self) -> None:
        """After an error: what is known, and what waits, may be wrong."""
        self._known.clear()
        self._waiting.clear()
        self._new.clear()

    def add(
        self,
        client: Any,
        run_id: str,
        points: Iterable[Point],
        at: int,
        tie: Callable[[str], MetricLink] = lambda name: {},
    ) -> None:
        """Let the points wait that the run does not have. `at`: milliseconds; `tie` by the name of a point."""
        for name, value, step in points:
            known = self._known_of(client, run_id, limits.key(name))
            before = known.get(step)
            if before is not None and (
                math.isclose(before, value, rel_tol=1e-6) or (before != before and value != value)
            ):
                continue
            known[step] = value
            self._waiting.setdefault(run_id, []).append(Metric(limits.key(name), value, at, step, **tie(name)))

    def flush(self, client: Any) -> None:
        """Send what waits."""
        for run_id, metrics in self._waiting.items():
            for batch in limits.batches(metrics, limits.METRICS):
                client.log_batch(run_id, metrics=batch)
        self._waiting.clear()

    def _known_of(self, client: Any, run_id: str, name: str) -> dict[int, float]:
        """What the run has under a name, by update: the latest that was said."""
        found = self._known.get((run_id, name))
        if found is None:
            history = [] if run_id in self._new else client.get_metric_history(run_id, name)
            found = {one.step: one.value for one in sorted(history, key=lambda one: one.timestamp)}
            self._known[run_id, name] = found
        return found
