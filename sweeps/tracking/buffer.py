"""What is said of runs, on its way to MLflow: sent in batches, and each number once, however often it is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any

from mlflow.entities import Metric, Param, RunTag

from sweeps.tracking import limits
from trainables.steps import Point

MetricLink = dict[str, str]
"""The logged model and the data set that a number is of, as `Metric` names them."""


class RunBuffer:
    """Waits for `flush`. What a run has already is asked of MLflow once for each name."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[int, float]] = {}
        self._new: set[str] = set()
        self._waiting: dict[str, list[Metric]] = {}
        self._params: dict[str, list[Param]] = {}
        self._tags: dict[str, list[RunTag]] = {}

    def begin(self, run_id: str) -> None:
        """A run has just been made, and has no number yet."""
        self._new.add(run_id)

    def forget(self) -> None:
        """After an error: what is known, and what waits, may be wrong."""
        for kept in (self._known, self._new, self._waiting, self._params, self._tags):
            kept.clear()

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

    def describe(self, run_id: str, params: Iterable[Param] = (), tags: Iterable[RunTag] = ()) -> None:
        """Let these wait, too."""
        self._params.setdefault(run_id, []).extend(params)
        self._tags.setdefault(run_id, []).extend(tags)

    def flush(self, client: Any, run_id: str | None = None) -> None:
        """Send what waits: of one run, or of all."""
        for one in [run_id] if run_id is not None else list({**self._waiting, **self._params}):
            pieces = (
                limits.batches(self._waiting.pop(one, []), limits.METRICS),
                limits.batches(self._params.pop(one, []), limits.PARAMS),
                limits.batches(self._tags.pop(one, []), limits.TAGS),
            )
            for metrics, params, tags in zip_longest(*pieces, fillvalue=()):
                client.log_batch(one, metrics, params, tags)

    def _known_of(self, client: Any, run_id: str, name: str) -> dict[int, float]:
        """What the run has under a name, by update: the latest that was said."""
        found = self._known.get((run_id, name))
        if found is None:
            history = [] if run_id in self._new else client.get_metric_history(run_id, name)
            found = {one.step: one.value for one in sorted(history, key=lambda one: one.timestamp)}
            self._known[run_id, name] = found
        return found
